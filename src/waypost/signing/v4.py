"""TrackingMore's V4 signature: the headers ``timestamp`` and ``signature``.

It covers the timestamp only, not the body; the Standard Webhooks signature that is sent with it covers both.
"""

from waypost.signing.freshness import TOLERANCE_SECONDS, check_timestamp
from waypost.signing.hex_signature import check_hex_signature, hex_signature


def sign(timestamp: int, secret: str) -> str:
    """Return the V4 signature of a timestamp (Unix seconds) in lowercase hex; the key is the secret's own text."""
    return hex_signature(str(timestamp), secret)


def verify(
    timestamp: str | None, signature: str | None, secret: str, *, now: int, tolerance: int = TOLERANCE_SECONDS
) -> None:
    """Raise VerificationError unless the values of the two headers (None for a missing one) match the secret.

    ``now`` and ``tolerance`` are seconds.
    """
    fresh = check_timestamp(timestamp, now=now, tolerance=tolerance)
    check_hex_signature(signature, timestamp=fresh, key=secret)
