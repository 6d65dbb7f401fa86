"""How a tracking's state is stored: JSON, compressed (zlib 1 makes real states 4 times smaller)."""

import zlib
from typing import Final

import msgspec

from waypost.domain.trackings import TrackingState

_REMEMBERED: Final = 2048
_REMEMBERED_BYTES: Final = 8192
"""The limit of the JSON, not of its packed form: 256 KiB of one letter pack to almost nothing."""

_PACKED_LATELY: Final[dict[bytes, TrackingState]] = {}
"""What this process has just written is what it reads next: to send it, or to change it again."""

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(TrackingState)


def pack(state: TrackingState) -> bytes:
    """Return the bytes of a state; the same state gives the same bytes."""
    encoded = _ENCODER.encode(state)
    packed = zlib.compress(encoded, 1)
    if len(encoded) <= _REMEMBERED_BYTES:
        _PACKED_LATELY[packed] = state
        if len(_PACKED_LATELY) > _REMEMBERED:
            del _PACKED_LATELY[next(iter(_PACKED_LATELY))]
    return packed


def unpack(packed: bytes) -> TrackingState:
    """Return the state of its bytes; zlib.error or msgspec.DecodeError for bytes that ``pack`` did not write."""
    lately = _PACKED_LATELY.get(packed)
    return _DECODER.decode(zlib.decompress(packed)) if lately is None else lately
