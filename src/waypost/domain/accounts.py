"""Rules for the names, e-mail addresses, passwords and portal settings of accounts and users."""

import re
from functools import cache
from typing import Final

from waypost.domain.errors import InvalidInput
from waypost.domain.texts import check_line

LONGEST_EMAIL: Final = 254
LONGEST_NAME: Final = 100
SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1000
"""Argon2 accepts any length; this limit bounds the work that one request can cause."""

MOST_ORIGINS: Final = 10
LONGEST_ORIGIN: Final = 260

COLOUR: Final = re.compile(r"#[0-9a-f]{6}")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# Plain http is allowed only for the developer's own machine.
_ORIGIN: Final = re.compile(
    rf"(?:https://{_LABEL}(?:\.{_LABEL})*|http://(?:localhost|127\.0\.0\.1))(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)
_HIGHEST_PORT: Final = 65_535
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]+\.?[^@\s]*")


def may_be_email(text: str) -> bool:
    """Return whether a text has none of the characters that databases and receivers fold differently."""
    return text.isascii() and text.isprintable()


def check_email(text: str) -> str:
    """Return an e-mail address as typed, without surrounding spaces. Raise InvalidInput if it is not valid.

    It is the key of V2 and V3 signatures, so it must be exactly what both sides type: printable ASCII.
    """
    email = text.strip()
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email) or not may_be_email(email):
        raise InvalidInput("email", f"must look like name@example.com, in ASCII and {LONGEST_EMAIL} characters at most")
    return email


def check_name(text: str) -> str:
    """Return a name without surrounding spaces. Raise InvalidInput if it is empty, too long, or not one line."""
    name = check_line("name", text, LONGEST_NAME)
    if not name:
        raise InvalidInput("name", f"must have 1 to {LONGEST_NAME} characters")
    return name


def check_password(text: str) -> str:
    """Return the password unchanged. Raise InvalidInput, without quoting it, if it is too short, too long or common."""
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
    """Return the 30,000 most common passwords in lower case; a third are long enough to be accepted otherwise."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 800 KB that most programs never need

    return frozenset(FREQUENCY_LISTS["passwords"])


def check_accent(text: str) -> str | None:
    """Return a colour such as ``#0b5c6b``, or None for an empty text. Raise InvalidInput for anything else."""
    colour = text.strip().lower()
    if colour and not COLOUR.fullmatch(colour):
        raise InvalidInput("accent", "must be a colour such as #0b5c6b, or empty for the default")
    return colour or None


def check_origins(text: str) -> list[str]:
    """Return the sites listed in a text, one per line, as browsers write origins. Raise InvalidInput for a bad one."""
    origins = list(dict.fromkeys(line.strip().lower().rstrip("/") for line in text.splitlines() if line.strip()))
    if len(origins) > MOST_ORIGINS:
        raise InvalidInput("embed_origins", f"must list at most {MOST_ORIGINS} sites")
    for origin in origins:
        match = _ORIGIN.fullmatch(origin)
        if match is None or len(origin) > LONGEST_ORIGIN or int(match["port"] or 0) > _HIGHEST_PORT:
            raise InvalidInput(
                "embed_origins", "must be sites such as https://shop.example.com, one per line, without a path"
            )
    return origins
