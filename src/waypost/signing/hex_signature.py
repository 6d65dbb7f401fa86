"""The form that TrackingMore's signatures have in every version: HMAC-SHA256 of the timestamp's text, in hex."""

import hmac
import re
from functools import lru_cache
from typing import Final

from waypost.signing.digests import digest
from waypost.signing.errors import Check, VerificationError

_HELD: Final = 4096
_HEX: Final = re.compile(r"[0-9a-f]{64}")


# All deliveries that an endpoint gets in one second have the same one.
@lru_cache(maxsize=_HELD)
def hex_signature(timestamp: str, key: str) -> str:
    """Give the 64 lowercase hex characters that sign a timestamp under a text key."""
    return digest(key.encode(), timestamp.encode()).hex()


def check_hex_signature(signature: str | None, *, timestamp: str, key: str) -> None:
    """Return if the signature is that of the timestamp under the key; else raise VerificationError.

    Compares in constant time.
    """
    if not signature:
        raise VerificationError(Check.SIGNATURE_MISSING, "The signature is missing.")
    if not _HEX.fullmatch(signature):
        raise VerificationError(Check.SIGNATURE_MALFORMED, "The signature is not 64 lowercase hex characters.")
    if not hmac.compare_digest(signature, hex_signature(timestamp, key)):
        raise VerificationError(Check.SIGNATURE_MISMATCH, "The signature was made with another key or timestamp.")
