"""Counts of an endpoint's hours, from what ``settling`` writes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled
from waypost.domain.ids import made_at
from waypost.domain.latency import ARRIVAL_BOUNDS_MS, BOUNDS_MS, bound_of
from waypost.store.rows import AttemptRow, Finished


class Count(msgspec.Struct):
    """What is added to an endpoint's hour; ``latency`` and ``arrival`` count by the bounds of ``domain.latency``."""

    endpoint: UUID
    delivered: int = 0
    failed: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    flawed_answers: int = 0
    timed_out: int = 0
    timed_out_ms: int = 0
    latency: list[int] = msgspec.field(default_factory=lambda: [0] * len(BOUNDS_MS))
    arrival: list[int] = []

    def attempted(self, attempt: AttemptRow) -> None:
        """Count an attempt. A time-out has no response time; it is counted with the time that it was given."""
        accepted = attempt.outcome == Outcome.SUCCEEDED
        self.attempts += 1
        self.failed_attempts += not accepted
        self.flawed_answers += accepted and attempt.reason is not None
        if attempt.status_code is not None:
            self.latency[bound_of(attempt.duration_ms)] += 1
        elif attempt.outcome == Outcome.TIMED_OUT:
            self.timed_out += 1
            self.timed_out_ms += attempt.duration_ms

    def arrived(self, milliseconds: int) -> None:
        """Count a delivery that was accepted this long after its event."""
        if not self.arrival:
            self.arrival = [0] * len(ARRIVAL_BOUNDS_MS)
        self.arrival[bound_of(milliseconds, ARRIVAL_BOUNDS_MS)] += 1


def counted(finished: Sequence[Finished], settled: Mapping[tuple[UUID, int], Settled], now: datetime) -> list[Count]:
    """Return the counts of attempts and of the ends of deliveries by endpoint, in the order of locks, without tests.

    ``settled``: how deliveries ended, by their ids and the fencing numbers under which they did. ``now`` is the
    database's time.
    """
    now_ms = round(now.timestamp() * 1000) if settled else 0
    counts: dict[UUID, Count] = {}
    for one in finished:
        claimed = one.claimed
        if claimed.sample is not None:
            continue
        if (count := counts.get(claimed.endpoint)) is None:
            count = counts[claimed.endpoint] = Count(claimed.endpoint)
        state = settled.get((claimed.id, claimed.lease_no))
        if state is Settled.DELIVERED:
            count.delivered += 1
            count.arrived(now_ms - made_at(claimed.id))
        elif state is Settled.FAILED:
            count.failed += 1
        if one.attempt is not None:
            count.attempted(one.attempt)
    return [count for _, count in sorted(counts.items())]
