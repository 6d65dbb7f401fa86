"""Whether a timestamp is one, and near enough to now."""

import re
from typing import Final

from waypost.signing.errors import Check, VerificationError

TOLERANCE_SECONDS: Final = 300
"""How far a timestamp may be from the receiver's clock, either way (Standard Webhooks: five minutes)."""

_SECONDS: Final = re.compile(r"0|[1-9][0-9]{0,11}")


def check_timestamp(text: str | None, *, now: int, tolerance: int) -> str:
    """Give back a timestamp (Unix seconds as decimal digits) that is at most ``tolerance`` seconds from ``now``.

    Raises VerificationError for one that is missing, malformed, too old or too new.
    """
    if not text:
        raise VerificationError(Check.TIMESTAMP_MISSING, "The timestamp is missing.")
    if not _SECONDS.fullmatch(text):
        raise VerificationError(Check.TIMESTAMP_MALFORMED, "The timestamp is not a number of Unix seconds.")
    age = now - int(text)
    if age > tolerance:
        raise VerificationError(
            Check.TIMESTAMP_TOO_OLD, f"The timestamp is {age} seconds old, {tolerance} are tolerated."
        )
    if -age > tolerance:
        raise VerificationError(
            Check.TIMESTAMP_TOO_NEW, f"The timestamp is {-age} seconds in the future, {tolerance} are tolerated."
        )
    return text
