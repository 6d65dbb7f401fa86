"""The statistics of endpoints, hour by hour, read for pages and calls. ``hour_changes`` counts them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from waypost.domain.ids import BUCKETS, made_at
from waypost.domain.latency import BOUNDS_MS
from waypost.domain.times import from_ms
from waypost.store.statements import Session, fetch, fetch_one


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
    """The sum of some rows of an endpoint's hours."""

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


async def of_endpoints(session: Session, endpoints: Sequence[UUID], since: datetime, until: datetime) -> list[Hour]:
    """Return the hours of endpoints in which something happened, starting with that of ``since``, oldest first."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = await fetch(session, "hours", list(endpoints), first, until, first.date(), until.astimezone(UTC).date())
    return [msgspec.convert(dict(row), Hour, strict=False) for row in rows]


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
    """Return the sum of rows of an endpoint's hours."""
    delivered = failed = attempts = flawed = 0
    latency = [0] * len(BOUNDS_MS)
    for one in hours:
        delivered, failed, attempts = delivered + one.delivered, failed + one.failed, attempts + one.attempts
        flawed += one.flawed_answers
        latency = [a + b for a, b in zip(latency, one.latency, strict=True)]
    return Sum(delivered, failed, attempts, flawed, latency)
