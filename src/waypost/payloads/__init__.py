"""Renders an event's state as the bytes of a webhook's body.

Takes a ``TrackingState`` and returns one line of compact ASCII JSON, always the same bytes for the same state: bodies
are not stored but rendered again. V2 and V3 carry their signature inside the body, so its text and time are arguments.
Called by dispatch, the API and the pages. Pure: no I/O, no clock.
"""

from typing import Final

from waypost.domain.endpoints import Version
from waypost.domain.trackings import TrackingState
from waypost.payloads import v2, v3, v4

SIGNED_INSIDE: Final = frozenset({Version.V2, Version.V3})
"""The versions whose own signature is part of the body, not a header."""


def render(version: Version, state: TrackingState) -> bytes:
    """Return the body that a version sends for a state; without its signature if that is part of the body."""
    match version:
        case Version.V4:
            return v4.render(state)
        case Version.V3:
            return v3.render(state)
        case Version.V2:
            return v2.render(state)


def sign_inside(version: Version, body: bytes, timestamp: int, signature: str) -> bytes:
    """Return a rendered body as it is sent: for V2 and V3 with the hex signature of a timestamp (Unix seconds)."""
    match version:
        case Version.V4:
            return body
        case Version.V3:
            return v3.signed(body, timestamp, signature)
        case Version.V2:
            return v2.signed(body, timestamp, signature)
