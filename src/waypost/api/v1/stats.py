"""``/v1/endpoints/{id}/stats``: how an endpoint does, hour by hour."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from waypost.actions import endpoints as changes
from waypost.actions.context import Context
from waypost.api.answers import answer
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.problems import FieldError, invalid
from waypost.api.v1.admission import admit
from waypost.domain.latency import percentile
from waypost.domain.times import read_rfc3339, rfc3339, rfc3339_or_none
from waypost.store import endpoints, hours

LONGEST: Final = timedelta(days=31)
DEFAULT: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)
_PARAMETERS: Final = frozenset({"since", "until"})


class Latency(msgspec.Struct, frozen=True):
    """How long answers take, in milliseconds; null when none came."""

    p50: int | None
    p95: int | None


class StatsHour(msgspec.Struct, frozen=True):
    """One hour; ``at`` is its beginning."""

    at: str
    delivered: int
    failed: int
    failed_attempts: int


class Stats(msgspec.Struct, frozen=True):
    """How an endpoint did between two times. Tests are not counted; hours at the edges are counted whole."""

    since: str
    until: str
    delivered: int
    failed: int
    attempts: int
    success_rate: float | None
    latency_ms: Latency
    waiting: int
    oldest_waiting_at: str | None
    hours: list[StatsHour]


@get("/v1/endpoints/{endpoint_id:str}/stats")
async def stats(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Tell how an endpoint does: of the last 24 hours, or between ``since`` and ``until``."""
    caller = await admit(request, parts, scope="read")
    endpoint = changes.read_id(endpoint_id)
    since, until = _range(read_query(request.scope["query_string"], _PARAMETERS))
    await changes.find(parts, caller.account, endpoint)
    return answer(await stats_of(parts, endpoint, since, until))


async def stats_of(parts: Context, endpoint: UUID, since: datetime, until: datetime) -> Stats:
    """Give an endpoint's figures between two times."""
    async with parts.database.serving.acquire() as session:
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
        success_rate=total.success_rate,
        latency_ms=Latency(percentile(total.latency, 0.5), percentile(total.latency, 0.95)),
        waiting=waiting,
        oldest_waiting_at=rfc3339_or_none(oldest),
        hours=show_hours(found, since, until),
    )


def show_hours(found: Iterable[hours.Hour], since: datetime, until: datetime) -> list[StatsHour]:
    """Give one endpoint's hours that lie between two times, at least in part: also those in which nothing happened."""
    known = {one.hour: one for one in found}
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    count = -(-(until - first) // _HOUR)
    return [_hour(at, known.get(at)) for at in (first + _HOUR * number for number in range(count))]


def _hour(at: datetime, known: hours.Hour | None) -> StatsHour:
    if known is None:
        return StatsHour(rfc3339(at), 0, 0, 0)
    return StatsHour(rfc3339(at), known.delivered, known.failed, known.failed_attempts)


def _range(query: dict[str, str]) -> tuple[datetime, datetime]:
    """Read the times. Raises Problem for what is none, for an end before its beginning, and for more than 31 days."""
    faults = []
    times: dict[str, datetime | None] = {"since": None, "until": None}
    for name, text in query.items():
        times[name] = read_rfc3339(text)
        if times[name] is None:
            faults.append(FieldError(name, "must be a time such as 2026-03-04T13:20:00Z"))
    until = times["until"] or datetime.now(UTC)
    since = times["since"] or until - min(DEFAULT, until - datetime.min.replace(tzinfo=UTC))
    if not faults and not timedelta(0) < until - since <= LONGEST:
        faults.append(FieldError("since", f"must lie before until, by {LONGEST.days} days at most"))
    if faults:
        raise invalid(faults)
    return since, until


ROUTES: Final = (stats,)
