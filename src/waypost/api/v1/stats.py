"""``/v1/endpoints/{id}/stats``: the statistics of an endpoint, hour by hour."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath

from waypost.actions import endpoints as changes
from waypost.actions.endpoint_stats import DEFAULT, Latency, Stats, StatsHour, stats_of
from waypost.api.openapi.examples import AT, LATER
from waypost.api.openapi.operations import Operation
from waypost.api.openapi.parameters import BETWEEN
from waypost.api.pagination import read_query
from waypost.api.parts import Given
from waypost.api.problems import FieldError, invalid
from waypost.api.responses import answer
from waypost.api.v1.admission import admit
from waypost.domain.times import read_rfc3339

LONGEST: Final = timedelta(days=31)
_PARAMETERS: Final = frozenset({"since", "until"})


@get("/v1/endpoints/{endpoint_id:str}/stats")
async def stats(request: Request[Any, Any, Any], parts: Given, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return an endpoint's statistics for the last 24 hours, or between ``since`` and ``until``."""
    caller = await admit(request, parts, scope="read")
    endpoint = changes.read_id(endpoint_id)
    since, until = _range(read_query(request.scope["query_string"], _PARAMETERS))
    await changes.find(parts, caller.actor, endpoint)
    return answer(await stats_of(parts, endpoint, since, until))


def _range(query: dict[str, str]) -> tuple[datetime, datetime]:
    """Return the times. Raise Problem for invalid times, an end before the beginning, and more than 31 days."""
    faults = []
    times: dict[str, datetime | None] = {"since": None, "until": None}
    for name, text in query.items():
        times[name] = read_rfc3339(text)
        if times[name] is None:
            faults.append(FieldError(name, "must be a time such as 2026-03-04T13:20:00Z"))
    until = times["until"] or datetime.now(UTC)
    since = times["since"] or until - min(DEFAULT, until - datetime.min.replace(tzinfo=UTC))
    if not faults and not timedelta(0) < until - since <= LONGEST:
        faults.append(FieldError("since", f"must be before until, by at most {LONGEST.days} days"))
    if faults:
        raise invalid(faults)
    return since, until


ROUTES: Final = (stats,)

_GROUP: Final = "API v1: endpoints"
_STATS: Final = Stats(
    since=AT,
    until=LATER,
    delivered=9,
    failed=1,
    attempts=14,
    flawed_answers=0,
    success_rate=0.9,
    latency_ms=Latency(80, 310),
    prompt_rate=0.75,
    arrival_ms=Latency(140, 1_900),
    waiting=3,
    oldest_waiting_at=AT,
    hours=[StatsHour(AT, 9, 1, 5)],
)
OPERATIONS: Final = (
    Operation(
        handler=stats,
        group=_GROUP,
        scope="read",
        answers={200: Stats},
        example=_STATS,
        parameters=BETWEEN,
    ),
)
