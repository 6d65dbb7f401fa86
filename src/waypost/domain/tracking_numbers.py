"""The form of tracking numbers and courier codes."""

import re
from typing import Final

from waypost.domain.errors import InvalidInput

_NUMBER: Final = re.compile(r"[A-Z0-9][A-Z0-9._/-]{0,63}")
_COURIER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def normalise_number(text: str) -> str:
    """Return a tracking number trimmed, upper-cased and without inner spaces. Raise InvalidInput if not valid."""
    number = "".join(text.split()).upper()
    if not number:
        raise InvalidInput("tracking_number", "is required")
    if not _NUMBER.fullmatch(number):
        raise InvalidInput(
            "tracking_number",
            "must have up to 64 letters, digits, '.', '_', '/' or '-', and start with a letter or digit",
        )
    return number


def check_courier_code(text: str) -> str:
    """Return a courier code unchanged. Raise InvalidInput if it is not valid."""
    if not text:
        raise InvalidInput("courier_code", "is required")
    if not _COURIER.fullmatch(text):
        raise InvalidInput("courier_code", "must have up to 64 lowercase letters, digits, '-' or '_', such as 'usps'")
    return text
