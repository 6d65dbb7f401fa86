"""The form of TrackingMore's signatures in every version: HMAC-SHA256 of the timestamp's text, in hex."""

import hmac
import re
from functools import lru_cache
from typing import Final

from waypost.signing.digests import digest
from waypost.signing.errors import Check, VerificationError

_HELD: Final = 4096
_HEX: Final = re.compile(r"[0-9a-f]{64}")


# All deliveries to an endpoint within one second have the same signature.
@lru_cache(maxsize=_HELD)
def hex_signature(timestamp: str, key: str) -> str:
    """Return the 64 lowercase hex characters that sign a timestamp under a text key."""
    return digest(key.encode(), timestamp.encode()).hex()


def check_hex_signature(signature: str | None, *, timestamp: str, key: str) -> None:
    """Raise VerificationError unless the signature is that of the timestamp under the key.

    Compares in constant time.
    """
    if not signature:
        raise VerificationError(Check.SIGNATURE_MISSING, "The signature is missing.")
    if not _HEX.fullmatch(signature):
        raise VerificationError(Check.SIGNATURE_MALFORMED, "The signature is not 64 lowercase hex characters.")
    if not hmac.compare_digest(signature, hex_signature(timestamp, key)):
        raise VerificationError(Check.SIGNATURE_MISMATCH, "The signature was made with a different key or timestamp.")
