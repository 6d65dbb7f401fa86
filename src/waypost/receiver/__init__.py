"""For receivers: verifies a webhook, reads its event, and recognises repeated ones.

Takes a request's raw body and headers, and the endpoint's secret; returns a ``TrackingEvent``, the same for versions
V2, V3 and V4, or raises a ``ReceiverError`` that says what is wrong. It uses the standard library only, so that a shop
can use it wherever it has Python; ``receiver.adapters`` connects it to frameworks.

    event = verify(body, headers, secret)          # or RefusedWebhookError: answer 401
    with deduplicator.once("shop", event.id) as first:
        if first and latest.take(event):
            ...                                    # the parcel has news
"""

from waypost.receiver.bodies import Body
from waypost.receiver.deduplication import Deduplicator, MemorySeen, Seen, SqliteSeen
from waypost.receiver.errors import (
    Check,
    InProgressError,
    MalformedPartError,
    MissingPartError,
    ReceiverError,
    RefusedWebhookError,
    UnreadableEventError,
    UntimelyWebhookError,
    UnusableArgumentError,
    UnusableSecretError,
    WrongSignatureError,
)
from waypost.receiver.events import Checkpoint, TrackingEvent, read_event, read_feed_item
from waypost.receiver.headers import Headers
from waypost.receiver.latest import LatestState, MemoryStates, SqliteStates, States
from waypost.receiver.verification import TOLERANCE_SECONDS, verify, verify_v2, verify_v3

__all__ = [
    "TOLERANCE_SECONDS",
    "Body",
    "Check",
    "Checkpoint",
    "Deduplicator",
    "Headers",
    "InProgressError",
    "LatestState",
    "MalformedPartError",
    "MemorySeen",
    "MemoryStates",
    "MissingPartError",
    "ReceiverError",
    "RefusedWebhookError",
    "Seen",
    "SqliteSeen",
    "SqliteStates",
    "States",
    "TrackingEvent",
    "UnreadableEventError",
    "UntimelyWebhookError",
    "UnusableArgumentError",
    "UnusableSecretError",
    "WrongSignatureError",
    "read_event",
    "read_feed_item",
    "verify",
    "verify_v2",
    "verify_v3",
]
