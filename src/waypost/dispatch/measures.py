"""What a dispatcher tells of itself: what metrics and health are made of, also from another process."""

from collections import Counter

import msgspec

from waypost.domain.latency import BOUNDS_MS, bound_of
from waypost.store.rows import Finished


class Measures(msgspec.Struct, frozen=True):
    """One process's dispatching.

    ``unrecorded`` are results that are not committed yet, ``peers`` the other dispatchers that work. ``attempts`` are
    counted by outcome since the start, tests left out; ``latency`` counts those that were answered by
    ``domain.latency``'s bounds, ``latency_seconds`` adds them up. ``breakers`` are those that are not closed, by state.
    ``statements``: the SQL statements by name of a process other than the one that is asked.
    """

    running: bool
    in_flight: int
    unrecorded: int = 0
    peers: int = 0
    attempts: dict[str, int] = {}
    latency: list[int] = []
    latency_seconds: float = 0.0
    breakers: dict[str, int] = {}
    statements: dict[str, int] = {}


class AttemptCounts:
    """Counts attempts since the start."""

    def __init__(self) -> None:
        self.attempts: Counter[str] = Counter()
        self.latency = [0] * len(BOUNDS_MS)
        self.latency_seconds = 0.0

    def add(self, finished: Finished) -> None:
        """Count an attempt, if one was made."""
        attempt = finished.attempt
        if attempt is None:
            return
        self.attempts[attempt.outcome] += 1
        if attempt.status_code is not None:
            self.latency[bound_of(attempt.duration_ms)] += 1
            self.latency_seconds += attempt.duration_ms / 1000
