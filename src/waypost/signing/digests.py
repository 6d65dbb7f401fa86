"""HMAC-SHA256 for many messages under few keys."""

import hmac
from functools import lru_cache
from typing import Final

_KEYS_HELD: Final = 4096


def digest(key: bytes, *parts: bytes) -> bytes:
    """Return the HMAC-SHA256 of the concatenated parts under a key: 32 bytes."""
    state = _keyed(key).copy()
    for part in parts:
        state.update(part)
    return state.digest()


# Preparing a key costs more than hashing a short message, so every delivery of an endpoint copies one prepared state.
@lru_cache(maxsize=_KEYS_HELD)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
