"""What a tracking number and a courier code look like."""

import re
from typing import Final

from waypost.domain.errors import InvalidInput

_NUMBER: Final = re.compile(r"[A-Z0-9][A-Z0-9._/-]{0,63}")
_COURIER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def normalise_number(text: str) -> str:
    """Give a tracking number trimmed, without inner spaces and upper-cased; InvalidInput for what is none."""
    number = "".join(text.split()).upper()
    if not number:
        raise InvalidInput("tracking_number", "is required")
    if not _NUMBER.fullmatch(number):
        raise InvalidInput(
            "tracking_number", "has up to 64 letters, digits, '.', '_', '/' or '-', and begins with a letter or digit"
        )
    return number


def check_courier_code(text: str) -> str:
    """Give a courier code back; InvalidInput for what can be none."""
    if not text:
        raise InvalidInput("courier_code", "is required")
    if not _COURIER.fullmatch(text):
        raise InvalidInput("courier_code", "has up to 64 lowercase letters, digits, '-' or '_', such as 'usps'")
    return text
