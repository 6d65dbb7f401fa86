"""A recovery: events of a period are delivered to an endpoint again, or for the first time."""

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from typing import Final, assert_never

from waypost.domain.deliveries import Reason, Settled


class Only(StrEnum):
    """Which events a recovery includes."""

    FAILED = "failed"
    MISSED = "missed"
    ALL = "all"


class RecoveryState(StrEnum):
    """The state of a recovery."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


WAITED_BEFORE: Final = timedelta(days=7)
"""Deliveries cancelled when an endpoint was disabled may have been retried for this long."""

WITH_ITS_ENDPOINT: Final = Reason.ENDPOINT_OFF.value
"""The end of a delivery that was cancelled because its endpoint was disabled."""


def is_matched(only: Only, *, fits: bool, was_off: bool, ends: Collection[str]) -> bool:
    """Return whether a recovery includes an event that has nothing waiting for the endpoint.

    ``fits``: the endpoint, as it is now, wants such events. ``was_off``: the event made no delivery because the
    endpoint was disabled. ``ends`` are those of its deliveries to the endpoint: a ``Settled``, or
    ``WITH_ITS_ENDPOINT``.
    """
    match only:
        case Only.FAILED:
            return Settled.FAILED in ends and Settled.DELIVERED not in ends
        case Only.MISSED:
            return fits and (set(ends) == {WITH_ITS_ENDPOINT} if ends else was_off)
        case Only.ALL:
            return fits
        case _:
            assert_never(only)
