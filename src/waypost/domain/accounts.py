"""What an account and its users may be called, and how long a password is."""

import re
from functools import cache
from typing import Final

from waypost.domain.errors import InvalidInput

LONGEST_EMAIL: Final = 254
LONGEST_NAME: Final = 100
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1000
"""Argon2 takes any length; this one keeps a request from being work without end."""

MOST_ORIGINS: Final = 10
LONGEST_ORIGIN: Final = 260

COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# Over plain http only what is on the developer's own machine.
_ORIGIN: Final = re.compile(
    rf"(?:https://{_LABEL}(?:\.{_LABEL})*|http://(?:localhost|127\.0\.0\.1))(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
_HIGHEST_PORT: Final = 65_535
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
    """Return the password as it is. Raise InvalidInput, without it, for one too short or known to be common."""
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise InvalidInput("password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("password", "must be UTF-8") from None
    if text.lower() in _common_passwords():
        raise InvalidInput("password", "is one of the most common passwords, which are tried first: choose another")
    return text


@cache
def _common_passwords() -> frozenset[str]:
    """Return the passwords that people choose most, in lower case: 30,000, of which a third are long enough here."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 800 KB that most programs never need

    return frozenset(FREQUENCY_LISTS["passwords"])


def check_accent(text: str) -> str | None:
    """Give a colour such as ``#0b5c6b``, or None for none. Raises InvalidInput."""
    colour = text.strip().lower()
    if colour and not COLOUR.fullmatch(colour):
        raise InvalidInput("accent", "must be a colour such as #0b5c6b, or nothing for the usual one")
    return colour or None


def check_origins(text: str) -> list[str]:
    """Give the sites of a text, one to a line, as browsers say them. Raises InvalidInput."""
    origins = list(dict.fromkeys(line.strip().lower().rstrip("/") for line in text.splitlines() if line.strip()))
    if len(origins) > MOST_ORIGINS:
        raise InvalidInput("embed_origins", f"must be {MOST_ORIGINS} sites at most")
    for origin in origins:
        match = _ORIGIN.fullmatch(origin)
        if match is None or len(origin) > LONGEST_ORIGIN or int(match["port"] or 0) > _HIGHEST_PORT:
            raise InvalidInput(
                "embed_origins", "must be sites such as https://shop.example.com, one to a line, without a path"
            )
    return origins
