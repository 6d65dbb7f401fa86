"""Whether a timestamp is valid and close enough to now."""

import re
from typing import Final

from waypost.signing.errors import Check, VerificationError

TOLERANCE_SECONDS: Final = 300
"""The tolerance between a timestamp and the receiver's clock, either way (Standard Webhooks: five minutes)."""

_SECONDS: Final = re.compile(r"0|[1-9][0-9]{0,11}")


def check_timestamp(text: str | None, *, now: int, tolerance: int) -> str:
    """Return a timestamp (Unix seconds in decimal digits) if it is at most ``tolerance`` seconds from ``now``.

    Raise VerificationError if it is missing, malformed, too old or too new.
    """
    if not text:
        raise VerificationError(Check.TIMESTAMP_MISSING, "The timestamp is missing.")
    if not _SECONDS.fullmatch(text):
        raise VerificationError(Check.TIMESTAMP_MALFORMED, "The timestamp is not a number of Unix seconds.")
    age = now - int(text)
    if age > tolerance:
        raise VerificationError(
            Check.TIMESTAMP_TOO_OLD, f"The timestamp is {age} seconds old, {tolerance} are allowed."
        )
    if -age > tolerance:
        raise VerificationError(
            Check.TIMESTAMP_TOO_NEW, f"The timestamp is {-age} seconds in the future, {tolerance} are allowed."
        )
    return text
