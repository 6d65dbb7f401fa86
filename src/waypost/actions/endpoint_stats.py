"""Statistics of an endpoint by hour, for the API and the pages."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import DatabaseContext
from waypost.domain.latency import percentile
from waypost.domain.times import rfc3339, rfc3339_or_none
from waypost.store import endpoints, hours

DEFAULT: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)


class Latency(msgspec.Struct, frozen=True):
    """Response times in milliseconds; null if there were no responses."""

    p50: int | None
    p95: int | None


class StatsHour(msgspec.Struct, frozen=True):
    """One hour of an endpoint's statistics; ``at`` is its start."""

    at: str
    delivered: int
    failed: int
    failed_attempts: int


class Stats(msgspec.Struct, frozen=True):
    """An endpoint's statistics between two times. Tests are not counted; hours at the edges count in full.

    ``flawed_answers`` counts responses that accepted a webhook but had a truncated, malformed or endless body.
    """

    since: str
    until: str
    delivered: int
    failed: int
    attempts: int
    flawed_answers: int
    success_rate: float | None
    latency_ms: Latency
    waiting: int
    oldest_waiting_at: str | None
    hours: list[StatsHour]


async def stats_of(context: DatabaseContext, endpoint: UUID, since: datetime, until: datetime) -> Stats:
    """Return an endpoint's statistics between two times."""
    async with context.database.serving.acquire() as session:
        found = await hours.of_endpoints(session, [endpoint], since, until)
        waiting = await endpoints.waiting(session, endpoint)
        oldest = await hours.oldest_waiting(session, endpoint)
    total = hours.add_up(found)
    return Stats(
        since=rfc3339(since),
        until=rfc3339(until),
        delivered=total.delivered,
        failed=total.failed,
        attempts=total.attempts,
        flawed_answers=total.flawed_answers,
        success_rate=total.success_rate,
        latency_ms=Latency(percentile(total.latency, 0.5), percentile(total.latency, 0.95)),
        waiting=waiting,
        oldest_waiting_at=rfc3339_or_none(oldest),
        hours=show_hours(found, since, until),
    )


def show_hours(found: Iterable[hours.Hour], since: datetime, until: datetime) -> list[StatsHour]:
    """Return every hour that overlaps the period, including hours without activity."""
    known = {one.hour: one for one in found}
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    count = -(-(until - first) // _HOUR)
    return [_hour(at, known.get(at)) for at in (first + _HOUR * number for number in range(count))]


def _hour(at: datetime, known: hours.Hour | None) -> StatsHour:
    if known is None:
        return StatsHour(rfc3339(at), 0, 0, 0)
    return StatsHour(rfc3339(at), known.delivered, known.failed, known.failed_attempts)
