"""An event's state becomes the bytes of a webhook's body.

Comes in: a ``TrackingState``. Goes out: one line of compact ASCII JSON, the same bytes for the same state, for ever:
bodies are not stored but rendered again. Called by dispatch, the API and the pages. Pure: no I/O, no clock.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from waypost.domain.endpoints import Version
from waypost.domain.trackings import TrackingState
from waypost.payloads import v4

RENDERERS: Final[Mapping[Version, Callable[[TrackingState], bytes]]] = MappingProxyType({Version.V4: v4.render})
"""The versions that can be sent, and what renders each. The API refuses endpoints of any other version."""


def render(version: Version, state: TrackingState) -> bytes:
    """Give the body that a version pushes of a state; KeyError for a version that is not in ``RENDERERS``.

    V2 and V3 carry their signature inside the body and so need more than a state; they are not there yet.
    """
    return RENDERERS[version](state)
