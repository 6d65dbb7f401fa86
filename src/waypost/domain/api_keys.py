"""API keys as text: ``wk_live_``, 24 random bytes in base 62, and six characters of checksum.

The prefix lets scanners for leaked secrets find one; the checksum tells a mistyped or invented key from a real one
before anybody asks the database. What is kept is a digest: a key has 192 random bits, so it needs no slow hash.
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
    """What a key may do."""

    READ = "read"
    WRITE = "write"
    UPDATES = "updates"


_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS: Final = 33  # the fewest that hold 24 bytes
_CHECKSUM_CHARACTERS: Final = 6
_FORM: Final = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS}}}", re.ASCII)


def check_scopes(given: Collection[str]) -> list[str]:
    """Give the scopes in their order, each once. Raises InvalidInput for none and for unknown ones."""
    if not given or not set(given) <= set(Scope):
        raise InvalidInput("scopes", f"must be one or more of {', '.join(Scope)}")
    return [scope.value for scope in Scope if scope in given]


def check_days(days: int | None) -> int | None:
    """Give after how many days a key ends, None for never. Raises InvalidInput."""
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InvalidInput("days", f"must be 1 to {MOST_DAYS}")
    return days


def make_key(random: bytes) -> str:
    """Make the key of 24 random bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a key is made of {RANDOM_BYTES} random bytes")
    body = PREFIX + _base62(int.from_bytes(random), _RANDOM_CHARACTERS)
    return body + _checksum(body)


def is_key(text: str) -> bool:
    """Tell whether a text has the form of a key and its checksum is right."""
    if not _FORM.fullmatch(text):
        return False
    return _checksum(text[:-_CHECKSUM_CHARACTERS]) == text[-_CHECKSUM_CHARACTERS:]


def digest_of(key: str) -> bytes:
    """Give what is stored of a key: its SHA-256. Any text has one."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def shown_prefix(key: str) -> str:
    """Give the beginning by which a person knows a key again."""
    return key[:SHOWN_CHARACTERS]


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode("ascii")), _CHECKSUM_CHARACTERS)


def _base62(number: int, characters: int) -> str:
    """Write a number with a fixed count of digits."""
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
