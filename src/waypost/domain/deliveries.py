"""The states of a delivery and the arrows between them.

    waiting ──► delivered        an attempt succeeded
       │ ▲ ╲──► retrying ──►     an attempt failed and there are tries left (back here after each)
       │ │ ╲──► failed           its tries are used up
    blocked                      waits behind an earlier delivery of its parcel and endpoint
       ╰──────► superseded       a newer event of the parcel took its place
       ╰──────► cancelled        by a person, or with its endpoint

``waiting``, ``retrying`` and ``blocked`` are read off a row of the hot table; the others are its settled row's state.
"""

from enum import StrEnum


class Settled(StrEnum):
    """What a delivery ended as. Every delivery ends in exactly one of these (promise 2)."""

    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class Waiting(StrEnum):
    """What an unsettled delivery is doing."""

    WAITING = "waiting"
    RETRYING = "retrying"
    BLOCKED = "blocked"


class Reason(StrEnum):
    """Why a delivery was settled otherwise than by its attempts."""

    ENDPOINT_OFF = "endpoint_off"
    USER = "user"
    TRACKING_DELETED = "tracking_deleted"
    NEWER_EVENT = "newer_event"
    EXPIRED = "expired"
    UNRENDERABLE = "unrenderable"
    CRASHES = "crashes"
    FATAL = "fatal"


def waiting_state(*, blocked: bool, tries: int) -> Waiting:
    """Read an unsettled delivery's state off its row."""
    if blocked:
        return Waiting.BLOCKED
    return Waiting.RETRYING if tries else Waiting.WAITING
