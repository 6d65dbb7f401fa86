"""Rows of an endpoint's hours, counted up in the transaction that settles."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled
from waypost.domain.latency import BOUNDS_MS, bound_of
from waypost.store.rows import Finished
from waypost.store.statements import Session, execute


class _Count:
    __slots__ = ("attempts", "delivered", "failed", "failed_attempts", "flawed_answers", "latency")

    def __init__(self) -> None:
        self.delivered = self.failed = self.attempts = self.failed_attempts = self.flawed_answers = 0
        self.latency = [0] * len(BOUNDS_MS)


async def tally(
    session: Session, dispatcher: int, finished: Sequence[Finished], settled: Mapping[tuple[UUID, int], Settled]
) -> None:
    """Count attempts and the ends of deliveries, without tests. Call it in the transaction that settles.

    ``settled``: how deliveries ended, by their ids and the fencing numbers under which they did.
    """
    counts: defaultdict[UUID, _Count] = defaultdict(_Count)
    for one in finished:
        if one.claimed.sample is not None:
            continue
        count = counts[one.claimed.endpoint]
        state = settled.get((one.claimed.id, one.claimed.lease_no))
        count.delivered += state is Settled.DELIVERED
        count.failed += state is Settled.FAILED
        if one.attempt is not None:
            count.attempts += 1
            accepted = one.attempt.outcome == Outcome.SUCCEEDED
            count.failed_attempts += not accepted
            count.flawed_answers += accepted and one.attempt.reason is not None
            if one.attempt.status_code is not None:
                count.latency[bound_of(one.attempt.duration_ms)] += 1
    if counts:
        ordered = sorted(counts.items())
        numbers = ("delivered", "failed", "attempts", "failed_attempts", "flawed_answers")
        columns = ([getattr(count, name) for _, count in ordered] for name in numbers)
        latencies = ["{" + ",".join(map(str, count.latency)) + "}" for _, count in ordered]
        await execute(session, "tally", dispatcher, [endpoint for endpoint, _ in ordered], *columns, latencies)
