"""The states of a delivery and the arrows between them.

    waiting ──► delivered        an attempt succeeded
       │ ▲ ╲──► retrying ──►     an attempt failed and attempts are left (back here after each)
       │ │ ╲──► failed           its attempts are used up
    blocked                      waits behind an earlier delivery of its parcel and endpoint
       ╰──────► superseded       a newer event of the parcel took its place
       ╰──────► cancelled        by a person, or with its endpoint

``waiting``, ``retrying`` and ``blocked`` are derived from a row of the hot table; the others are the state of the
settled row.
"""

from enum import StrEnum


class Settled(StrEnum):
    """The end of a delivery. Every delivery ends in exactly one of these (promise 2)."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class Waiting(StrEnum):
    """The state of an unsettled delivery."""

    WAITING = "waiting"
    RETRYING = "retrying"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why a delivery was settled by something other than its attempts."""

    ENDPOINT_OFF = "endpoint_off"
    USER = "user"
    TRACKING_DELETED = "tracking_deleted"
    NEWER_EVENT = "newer_event"
    EXPIRED = "expired"
    UNRENDERABLE = "unrenderable"
    CRASHES = "crashes"
    FATAL = "fatal"


def waiting_state(*, blocked: bool, tries: int) -> Waiting:
    """Return an unsettled delivery's state, derived from its row."""
    if blocked:
        return Waiting.BLOCKED
    return Waiting.RETRYING if tries else Waiting.WAITING
