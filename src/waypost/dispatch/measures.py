"""What a dispatcher reports for metrics and health, also to another process."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import msgspec

from waypost.dispatch.stages import DeliveryStage
from waypost.domain.latency import BOUNDS_MS, bound_of
from waypost.store.rows import Finished


class Measures(msgspec.Struct, frozen=True):
    """The measures of one dispatcher, for metrics.

    ``unrecorded`` are results that are not committed yet, ``peers`` the other dispatchers at work, ``suspects``
    the deliveries that are suspected of crashing it and are due. ``attempts`` are counted by outcome since the start,
    without tests; ``latency`` counts those that were answered by ``domain.latency``'s bounds, ``latency_seconds`` adds
    them up. ``stages`` and ``stage_seconds`` do the same for each stage of a delivery (``dispatch.stages``).
    ``breakers`` are those that are not closed, by state. ``statements``: the SQL statements by name, if the process is
    not the one that reports. ``stalls`` and ``longest_stall`` and ``busiest_stall`` (seconds): how often its loop was
    blocked for too long, for how long at most, and with how much processor time at most.
    """

    running: bool
    in_flight: int
    unrecorded: int = 0
    peers: int = 0
    suspects: int = 0
    attempts: dict[str, int] = {}
    latency: list[int] = []
    latency_seconds: float = 0.0
    stages: dict[str, list[int]] = {}
    stage_seconds: dict[str, float] = {}
    breakers: dict[str, int] = {}
    statements: dict[str, int] = {}
    stalls: int = 0
    longest_stall: float = 0.0
    busiest_stall: float = 0.0


STILL: Final = Measures(running=False, in_flight=0)


def still(measures: Measures) -> Measures:
    """Return what remains of a process that has ended: its counts."""
    return msgspec.structs.replace(measures, running=False, in_flight=0, unrecorded=0, peers=0, suspects=0, breakers={})


def together(several: Sequence[Measures]) -> Measures:
    """Return the measures of several processes of one server as one: it runs if one of them does."""
    return Measures(
        running=any(one.running for one in several),
        in_flight=sum(one.in_flight for one in several),
        unrecorded=sum(one.unrecorded for one in several),
        peers=max(one.peers for one in several),
        suspects=sum(one.suspects for one in several),
        attempts=_added(one.attempts for one in several),
        latency=_summed(one.latency for one in several),
        latency_seconds=sum(one.latency_seconds for one in several),
        stages={stage: _summed(one.stages.get(stage, ()) for one in several) for stage in DeliveryStage},
        stage_seconds={stage: sum(one.stage_seconds.get(stage, 0.0) for one in several) for stage in DeliveryStage},
        breakers=_added(one.breakers for one in several),
        statements=_added(one.statements for one in several),
        stalls=sum(one.stalls for one in several),
        longest_stall=max(one.longest_stall for one in several),
        busiest_stall=max(one.busiest_stall for one in several),
    )


def _summed(counts: Iterable[Sequence[int]]) -> list[int]:
    return [sum(each) for each in zip_longest(*counts, fillvalue=0)]


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


class AttemptCounts:
    """Counts a dispatcher's attempts since its start, for metrics."""

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
