"""TrackingMore's V2 and V3 signature: inside the body, the key is the account's e-mail address.

V2 carries it as ``verifyInfo.timeStr`` and ``verifyInfo.signature``, V3 as ``verify.timestamp`` and
``verify.signature``. It covers the timestamp only, not the body.
"""

from typing import Final

from waypost.signing.freshness import TOLERANCE_SECONDS, check_timestamp
from waypost.signing.hex_signature import check_hex_signature, hex_signature

_TOO_LATE: Final = 10**12
_NEITHER: Final = "neither text nor number"


def sign(timestamp: int, email: str) -> str:
    """Give the V2 and V3 signature of a timestamp (Unix seconds): lowercase hex; the key is the e-mail as typed."""
    return hex_signature(str(timestamp), email)


def verify(timestamp: object, signature: object, email: str, *, now: int, tolerance: int = TOLERANCE_SECONDS) -> None:
    """Return if the two values, as they stand in the decoded body, fit the e-mail; else raise VerificationError.

    The timestamp may be a number or its text. ``now`` and ``tolerance`` are seconds.
    """
    fresh = check_timestamp(_text(timestamp), now=now, tolerance=tolerance)
    check_hex_signature(_text(signature), timestamp=fresh, key=email)


def _text(value: object) -> str | None:
    """Give a JSON value as the text that was signed; what is neither text nor a plausible number fails its check."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and 0 <= value < _TOO_LATE:
        return str(value)
    return _NEITHER
