"""What an account and its users may be called, and how long a password is."""

import re
from typing import Final

from waypost.domain.errors import InvalidInput

LONGEST_EMAIL: Final = 254
LONGEST_NAME: Final = 100
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1000
"""Argon2 takes any length; this one keeps a request from being work without end."""

_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.?[^@\s]*")


def may_be_email(text: str) -> bool:
    """Tell whether a text has no characters that no address here has; databases and receivers fold them differently."""
    return text.isascii() and text.isprintable()


def check_email(text: str) -> str:
    """Give an e-mail address as typed, without spaces around it. Raises InvalidInput.

    It is the key of V2 and V3 signatures, so it must be what both sides type: printable ASCII.
    """
    email = text.strip()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email) or not may_be_email(email):
        raise InvalidInput("email", f"must look like name@example.com, in ASCII and {LONGEST_EMAIL} characters at most")
    return email


def check_name(text: str) -> str:
    """Give a name without spaces around it. Raises InvalidInput."""
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput("name", f"must have 1 to {LONGEST_NAME} printable characters")
    return name


def check_password(text: str) -> str:
    """Give the password as it is. Raises InvalidInput, without it."""
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise InvalidInput("password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("password", "must be UTF-8") from None
    return text
