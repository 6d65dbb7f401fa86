"""An event's state becomes the bytes of a webhook's body.

Comes in: a ``TrackingState``. Goes out: one line of compact ASCII JSON, the same bytes for the same state, for ever:
bodies are not stored but rendered again. V2 and V3 carry their signature inside: its text and time come in too.
Called by dispatch, the API and the pages. Pure: no I/O, no clock.
"""

from typing import Final

from waypost.domain.endpoints import Version
from waypost.domain.trackings import TrackingState
from waypost.payloads import v2, v3, v4

SIGNED_INSIDE: Final = frozenset({Version.V2, Version.V3})
"""The versions whose own signature is a part of the body, not a header."""


def render(version: Version, state: TrackingState) -> bytes:
    """Give the body that a version pushes of a state; for one that is signed inside, without its signature."""
    match version:
        case Version.V4:
            return v4.render(state)
        case Version.V3:
            return v3.render(state)
        case Version.V2:
            return v2.render(state)


def sign_inside(version: Version, body: bytes, timestamp: int, signature: str) -> bytes:
    """Give a rendered body as it is sent: V2 and V3 with their signature (hex) of a timestamp (Unix seconds) in it."""
    match version:
        case Version.V4:
            return body
        case Version.V3:
            return v3.signed(body, timestamp, signature)
        case Version.V2:
            return v2.signed(body, timestamp, signature)
