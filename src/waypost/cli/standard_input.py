"""What programs pass to a command on standard input, because other users can see options."""

import sys
from typing import Final

import msgspec

from waypost.domain.errors import InvalidInput

MOST_CHARACTERS: Final = 1 << 16


def read_object(field: str, *, example: str) -> dict[str, str]:
    """Return the JSON object of texts on standard input. Raise InvalidInput, which names the field, otherwise."""
    try:
        return msgspec.json.decode(sys.stdin.read(MOST_CHARACTERS), type=dict[str, str])
    except (msgspec.MsgspecError, ValueError):
        raise InvalidInput(field, f"must come on standard input as a JSON object, such as {example}") from None
