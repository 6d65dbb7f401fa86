"""The statistics of endpoints, hour by hour: counted where deliveries are settled, read for pages and calls."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled
from waypost.domain.ids import BUCKETS, made_at
from waypost.domain.latency import BOUNDS_MS, bound_of
from waypost.store.intake_rows import from_ms
from waypost.store.rows import Finished
from waypost.store.statements import Session, execute, fetch, fetch_one


class Hour(msgspec.Struct, frozen=True):
    """An endpoint's counts for the hour that begins at a time; ``latency`` counts by ``domain.latency``.

    ``flawed_answers`` are responses that accepted a webhook but had a faulty body.
    """

    endpoint: UUID
    hour: datetime
    delivered: int
    failed: int
    attempts: int
    failed_attempts: int
    flawed_answers: int
    latency: list[int]


class Sum(msgspec.Struct, frozen=True):
    """The sum of some hours."""

    delivered: int
    failed: int
    attempts: int
    flawed_answers: int
    latency: list[int]

    @property
    def success_rate(self) -> float | None:
        """The share of succeeded deliveries among those that succeeded or failed; None if there are none."""
        ended = self.delivered + self.failed
        return self.delivered / ended if ended else None


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


async def of_endpoints(session: Session, endpoints: Sequence[UUID], since: datetime, until: datetime) -> list[Hour]:
    """Return the hours of endpoints in which something happened, starting with that of ``since``, oldest first."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = await fetch(session, "hours", list(endpoints), first, until, first.date(), until.astimezone(UTC).date())
    return [Hour(**row) for row in rows]


async def oldest_waiting(session: Session, endpoint: UUID) -> datetime | None:
    """Return when the oldest delivery that waits for an endpoint arose; None if none waits."""
    row = await fetch_one(session, "oldest_waiting", list(range(BUCKETS)), endpoint)
    return None if row is None else from_ms(made_at(row["id"]))


def together(hours: Iterable[Hour]) -> list[Hour]:
    """Return the hours of several endpoints as if they were one, oldest first."""
    by_hour: dict[datetime, list[Hour]] = {}
    for one in hours:
        by_hour.setdefault(one.hour, []).append(one)
    return [_merged(found) for _, found in sorted(by_hour.items())]


def _merged(found: Sequence[Hour]) -> Hour:
    total, failed = add_up(found), sum(one.failed_attempts for one in found)
    return Hour(
        endpoint=found[0].endpoint,
        hour=found[0].hour,
        delivered=total.delivered,
        failed=total.failed,
        attempts=total.attempts,
        failed_attempts=failed,
        flawed_answers=total.flawed_answers,
        latency=total.latency,
    )


def add_up(hours: Iterable[Hour]) -> Sum:
    """Return the sum of hours."""
    delivered = failed = attempts = flawed = 0
    latency = [0] * len(BOUNDS_MS)
    for one in hours:
        delivered, failed, attempts = delivered + one.delivered, failed + one.failed, attempts + one.attempts
        flawed += one.flawed_answers
        latency = [a + b for a, b in zip(latency, one.latency, strict=True)]
    return Sum(delivered, failed, attempts, flawed, latency)
