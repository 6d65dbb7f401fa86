"""Statistics of an endpoint by hour, for the API and the pages."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import DatabaseContext
from waypost.domain.latency import PROMPT_MS
from waypost.domain.times import rfc3339, rfc3339_or_none
from waypost.store import backlogs, hours
from waypost.store.hours import AttemptsOfDay
from waypost.store.statements import Session

DEFAULT: Final = timedelta(hours=24)
DAYS: Final = 30
MEDIAN: Final = 0.5
MOST: Final = 0.95
_HOUR: Final = timedelta(hours=1)

PROMPT: Final = timedelta(milliseconds=PROMPT_MS)
"""A webhook that waits for longer is overdue."""


class Latency(msgspec.Struct, frozen=True):
    """The median and the 95th percentile in milliseconds, estimated from ranges; null if nothing was measured."""

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
    ``latency_ms`` are response times; a time-out counts as long as it took. ``prompt_rate`` is the share of deliveries
    that succeeded within five minutes of their event, among those that succeeded, failed, or are still waiting after
    that time; ``arrival_ms`` are the times from the event to the success.
    """

    since: str
    until: str
    delivered: int
    failed: int
    attempts: int
    flawed_answers: int
    success_rate: float | None
    latency_ms: Latency
    prompt_rate: float | None
    arrival_ms: Latency
    waiting: int
    oldest_waiting_at: str | None
    hours: list[StatsHour]


async def stats_of(context: DatabaseContext, endpoint: UUID, since: datetime, until: datetime) -> Stats:
    """Return an endpoint's statistics between two times."""
    async with context.database.serving.acquire() as session:
        found = await hours.of_endpoints(session, [endpoint], since, until)
        backlog = (await backlogs.of_endpoints(session, [endpoint], before=datetime.now(UTC) - PROMPT))[endpoint]
    total = hours.add_up(found)
    return Stats(
        since=rfc3339(since),
        until=rfc3339(until),
        delivered=total.delivered,
        failed=total.failed,
        attempts=total.attempts,
        flawed_answers=total.flawed_answers,
        success_rate=total.success_rate,
        latency_ms=Latency(total.response_ms(MEDIAN), total.response_ms(MOST)),
        prompt_rate=total.prompt_rate(backlog.overdue),
        arrival_ms=Latency(total.arrival_ms(MEDIAN), total.arrival_ms(MOST)),
        waiting=backlog.waiting,
        oldest_waiting_at=rfc3339_or_none(backlog.oldest_at),
        hours=show_hours(found, since, until),
    )


async def days_of(session: Session, endpoint: UUID, today: date) -> list[AttemptsOfDay]:
    """Return the attempts of each of the last 30 days, oldest first, including days without any."""
    first = today - timedelta(days=DAYS - 1)
    known = {row.day: row for row in await hours.days_of(session, endpoint, first, today)}
    days = (first + timedelta(days=number) for number in range(DAYS))
    return [known.get(day, AttemptsOfDay(day, 0, 0)) for day in days]


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
