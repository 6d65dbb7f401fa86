"""Measures where deliveries spend their time, stage by stage: no clock of its own decides anything here."""

import time
from bisect import bisect_left
from enum import StrEnum
from typing import Final

from waypost.domain.latency import BOUNDS_MS

_BOUNDS: Final = tuple(bound / 1000 for bound in BOUNDS_MS)
_LAST: Final = len(_BOUNDS) - 1


class DeliveryStage(StrEnum):
    """What a delivery waits for, in this order."""

    CLAIM = "claim"
    """From when it is due until PostgreSQL begins to claim it."""
    LEASE = "lease"
    """Until its row is here: the claim itself."""
    SLOT = "slot"
    """Until its attempt begins: a worker of its lane, the endpoint's rate limit, a connection to its address."""
    REQUEST = "request"
    """Until its request is ready: a turn, the body, the signatures."""
    RESPONSE = "response"
    """Until the endpoint has responded."""
    RECORD = "record"
    """Until the result is committed."""


class Times:
    """How long one delivery spent in each stage so far, in seconds and in the order of ``DeliveryStage``.

    A list, because this runs six times for every delivery, and a member of an enumeration computes its hash in Python.
    """

    __slots__ = ("_since", "seconds")

    def __init__(self, *, waited: float, claiming_since: float) -> None:
        self._since = time.monotonic()
        self.seconds = [waited, self._since - claiming_since]

    def stage_ended(self) -> None:
        """Note that a stage has ended; the next one begins."""
        now = time.monotonic()
        self.seconds.append(now - self._since)
        self._since = now


class StageCounts:
    """Counts the seconds in each stage since the start, by the bounds of ``domain.latency``."""

    def __init__(self) -> None:
        self._counts = [[0] * len(BOUNDS_MS) for _ in DeliveryStage]
        self._seconds = [0.0] * len(self._counts)

    def add(self, times: Times) -> None:
        """Count one delivery whose result is committed."""
        for place, seconds in enumerate(times.seconds):
            self._counts[place][bisect_left(_BOUNDS, seconds, 0, _LAST)] += 1
            self._seconds[place] += seconds

    @property
    def counts(self) -> dict[str, list[int]]:
        """Return the counts by stage."""
        return dict(zip(DeliveryStage, self._counts, strict=True))

    @property
    def seconds(self) -> dict[str, float]:
        """Return the sum of the seconds by stage."""
        return dict(zip(DeliveryStage, self._seconds, strict=True))
