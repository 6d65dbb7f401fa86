"""TrackingMore's V2 and V3 signature: inside the body, with the account's e-mail address as the key.

V2 carries it as ``verifyInfo.timeStr`` and ``verifyInfo.signature``, V3 as ``verify.timestamp`` and
``verify.signature``. It covers the timestamp only, not the body.
"""

from typing import Final

from waypost.signing.freshness import TOLERANCE_SECONDS, check_timestamp
from waypost.signing.hex_signature import check_hex_signature, hex_signature

_TOO_LATE: Final = 10**12
_NEITHER: Final = "neither text nor number"


def sign(timestamp: int, email: str) -> str:
    """Return the V2 and V3 signature of a timestamp (Unix seconds) in lowercase hex; the key is the e-mail as typed."""
    return hex_signature(str(timestamp), email)


def verify(timestamp: object, signature: object, email: str, *, now: int, tolerance: int = TOLERANCE_SECONDS) -> None:
    """Raise VerificationError unless the two values, taken from the decoded body, match the e-mail.

    The timestamp may be a number or its text. ``now`` and ``tolerance`` are seconds.
    """
    fresh = check_timestamp(_text(timestamp), now=now, tolerance=tolerance)
    check_hex_signature(_text(signature), timestamp=fresh, key=email)


def _text(value: object) -> str | None:
    """Return the text that was signed for a JSON value; one of an unfit type becomes a text that never matches."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and 0 <= value < _TOO_LATE:
        return str(value)
    return _NEITHER
