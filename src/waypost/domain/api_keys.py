"""API keys as text: ``wk_live_``, 24 random bytes in base 62, and a checksum of six characters.

The prefix lets secret scanners find a leaked key. The checksum rejects a mistyped or invented key before the database
is asked. Only a digest is stored: a key has 192 random bits, so it needs no slow hash.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from hashlib import sha256
from typing import Final
from zlib import crc32

from waypost.domain.errors import InvalidInput

PREFIX: Final = "wk_live_"
RANDOM_BYTES: Final = 24
SHOWN_CHARACTERS: Final = 12

MOST_DAYS: Final = 3_650


class Scope(StrEnum):
    """What a key is allowed to do."""

    READ = "read"
    WRITE = "write"
    UPDATES = "updates"


_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS: Final = 33  # the fewest digits that hold 24 bytes
_CHECKSUM_CHARACTERS: Final = 6
_FORM: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS}}}", re.ASCII)


def check_scopes(given: Collection[str]) -> list[str]:
    """Return the scopes in their fixed order, each once. Raise InvalidInput if there are none or one is unknown."""
    if not given or not set(given) <= set(Scope):
        raise InvalidInput("scopes", f"must be one or more of {', '.join(Scope)}")
    return [scope.value for scope in Scope if scope in given]


def check_days(days: int | None) -> int | None:
    """Return the number of days after which a key expires, None for never. Raise InvalidInput if it is out of range."""
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidInput("days", f"must be 1 to {MOST_DAYS}")
    return days


def make_key(random: bytes) -> str:
    """Return the key made of 24 random bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes")
    body = PREFIX + _base62(int.from_bytes(random), _RANDOM_CHARACTERS)
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key and a correct checksum."""
    if not _FORM.fullmatch(text):
        return False
    return _checksum(text[:-_CHECKSUM_CHARACTERS]) == text[-_CHECKSUM_CHARACTERS:]


def digest_of(key: str) -> bytes:
    """Return what is stored of a key: its SHA-256. Any text has one."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def shown_prefix(key: str) -> str:
    """Return the prefix by which a person recognises a key."""
    return key[:SHOWN_CHARACTERS]


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode("ascii")), _CHECKSUM_CHARACTERS)


def _base62(number: int, characters: int) -> str:
    """Return a number in base 62, padded to a fixed count of digits."""
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
