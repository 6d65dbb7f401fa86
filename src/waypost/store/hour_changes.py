"""Rows of an endpoint's hours, counted up in the transaction that settles."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled
from waypost.domain.ids import made_at
from waypost.domain.latency import ARRIVAL_BOUNDS_MS, BOUNDS_MS, bound_of
from waypost.store.rows import AttemptRow, Finished
from waypost.store.statements import Session, execute


class _Count:
    __slots__ = (
        *("arrival", "attempts", "delivered", "failed", "failed_attempts", "flawed_answers", "latency"),
        *("timed_out", "timed_out_ms"),
    )

    def __init__(self) -> None:
        self.delivered = self.failed = self.attempts = self.failed_attempts = self.flawed_answers = 0
        self.timed_out = self.timed_out_ms = 0
        self.latency = [0] * len(BOUNDS_MS)
        self.arrival: list[int] = []

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
        self.arrival = self.arrival or [0] * len(ARRIVAL_BOUNDS_MS)
        self.arrival[bound_of(milliseconds, ARRIVAL_BOUNDS_MS)] += 1


async def tally(
    session: Session,
    dispatcher: int,
    finished: Sequence[Finished],
    settled: Mapping[tuple[UUID, int], Settled],
    now: datetime,
) -> None:
    """Count attempts and the ends of deliveries, without tests. Call it in the transaction that settles.

    ``settled``: how deliveries ended, by their ids and the fencing numbers under which they did. ``now`` is the
    database's time.
    """
    now_ms = round(now.timestamp() * 1000) if settled else 0
    counts: defaultdict[UUID, _Count] = defaultdict(_Count)
    for one in finished:
        if one.claimed.sample is not None:
            continue
        count = counts[one.claimed.endpoint]
        state = settled.get((one.claimed.id, one.claimed.lease_no))
        count.delivered += state is Settled.DELIVERED
        count.failed += state is Settled.FAILED
        if state is Settled.DELIVERED:
            count.arrived(now_ms - made_at(one.claimed.id))
        if one.attempt is not None:
            count.attempted(one.attempt)
    if counts:
        ordered = sorted(counts.items())
        numbers = ("delivered", "failed", "attempts", "failed_attempts", "flawed_answers", "timed_out", "timed_out_ms")
        columns = ([getattr(count, name) for _, count in ordered] for name in numbers)
        arrays = [_array(one.latency) for _, one in ordered], [_array(one.arrival) for _, one in ordered]
        await execute(session, "tally", dispatcher, [endpoint for endpoint, _ in ordered], *columns, *arrays)


def _array(counts: Sequence[int]) -> str:
    return "{" + ",".join(map(str, counts)) + "}"
