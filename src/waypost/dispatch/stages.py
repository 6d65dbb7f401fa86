"""Measures where deliveries spend their time, stage by stage: no clock of its own decides anything here."""

import time
from enum import StrEnum
from typing import Final

from waypost.domain.latency import BOUNDS_MS, bound_of


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
    """How long one delivery spent in each stage so far, in seconds. The next stage began when the last one ended."""

    __slots__ = ("_since", "seconds")

    def __init__(self, *, waited: float, claiming_since: float) -> None:
        self._since = time.monotonic()
        self.seconds = {DeliveryStage.CLAIM: waited, DeliveryStage.LEASE: self._since - claiming_since}

    def ended(self, stage: DeliveryStage) -> None:
        """Note that a stage has ended."""
        now = time.monotonic()
        self.seconds[stage] = now - self._since
        self._since = now


class StageCounts:
    """Counts the seconds in each stage since the start, by the bounds of ``domain.latency``."""

    def __init__(self) -> None:
        self.counts: Final[dict[str, list[int]]] = {stage: [0] * len(BOUNDS_MS) for stage in DeliveryStage}
        self.seconds: Final[dict[str, float]] = dict.fromkeys(DeliveryStage, 0.0)

    def add(self, times: Times) -> None:
        """Count one delivery whose result is committed."""
        for stage, seconds in times.seconds.items():
            self.counts[stage][bound_of(round(seconds * 1000))] += 1
            self.seconds[stage] += seconds
