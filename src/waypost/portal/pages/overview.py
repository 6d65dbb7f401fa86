"""``/``: the account at a glance, with first steps while it is new."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Response, get

from waypost.actions import connection_health, endpoint_summaries, incidents
from waypost.actions.endpoint_stats import show_hours
from waypost.actions.endpoint_summaries import EndpointSummary
from waypost.domain.connections import ConnectionState
from waypost.domain.incidents import State
from waypost.domain.statuses import Status
from waypost.portal.charts import bars
from waypost.portal.headline import headline
from waypost.portal.pages.incidents import place_of
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter
from waypost.portal.wording import zone_of
from waypost.store import connections, endpoints, hours, overview
from waypost.store.accounts import Visitor
from waypost.store.backlogs import MOST_COUNTED
from waypost.store.connections import ConnectionRow

PATH: Final = "/"
CHART_HEIGHT: Final = 120
MOST_INCIDENTS: Final = 5
_BROKEN: Final = (ConnectionState.REFUSED, ConnectionState.UNREADABLE)
_SPANS: Final = {"day": ("24 hours", timedelta(hours=24)), "week": ("7 days", timedelta(days=7))}


class FirstStep(msgspec.Struct, frozen=True):
    """A first step of a new account on the overview. The template has its text, by name."""

    name: str
    done: bool


@get(PATH)
async def show_overview(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the account at a glance; ``?span=week`` shows the last 7 days."""
    visitor = await enter(request, pages)
    span = request.query_params.get("span", "")
    span = span if span in _SPANS else "day"
    async with pages.context.database.serving.acquire() as session:
        counts = await overview.count_by_status(session, visitor.account)
        rows = await endpoints.of_account(session, visitor.account, before=None, limit=pages.context.max_endpoints)
        used = await overview.last_key_use(session, visitor.account)
        asked = [one for one in await connections.of_account(session, visitor.account, shared=True) if one.enabled]
        found = await endpoint_summaries.summaries(pages.context, session, rows)
    steps = [
        FirstStep("feed", bool(used or asked)),
        FirstStep("parcel", any(counts.values())),
        FirstStep("webhook", bool(rows)),
        FirstStep("delivered", any(row.last_success_at is not None for row in rows)),
    ]
    return page(
        request,
        "overview.html",
        visitor,
        counts=[(status, count) for status, count in counts.items() if count or status is not Status.PENDING],
        most=overview.MOST_COUNTED,
        any_parcel=any(counts.values()),
        any_endpoint=bool(rows),
        steps=[] if all(step.done for step in steps) else steps,
        asked=[one.name for one in asked],
        used=used,
        span=span,
        spans=[(name, label) for name, (label, _) in _SPANS.items()],
        **await _attention(pages, visitor, found, asked),
        **await _deliveries(pages, visitor, _SPANS[span][1], found),
    )


async def _attention(
    pages: Pages, visitor: Visitor, found: Sequence[EndpointSummary], asked: Sequence[ConnectionRow]
) -> dict[str, Any]:
    """Return what is wrong: endpoints, connections, and the open incidents about anything else."""
    broken = [one for one in asked if one.state in _BROKEN]
    async with pages.context.database.serving.acquire() as session:
        refused = await connection_health.shown(session, pages.context, visitor.account, broken)
    troubled = [one for one in found if one.needs_attention]
    shown = {*(one.endpoint.id for one in troubled), *(one.id for one in refused)}
    known = await incidents.newest(pages.context, visitor.account, state=State.OPEN)
    others = [one for one in known if one.subject not in shown]
    return {
        "headline": headline(found, connections=len(refused), incidents=len(others)),
        "troubled": troubled,
        "refused": refused,
        "incidents": [(one, place_of(one)) for one in others[:MOST_INCIDENTS]],
    }


async def _deliveries(
    pages: Pages, visitor: Visitor, span: timedelta, present: Sequence[EndpointSummary]
) -> dict[str, Any]:
    """Return the figures of all endpoints together, including deleted ones, whose webhooks were sent too."""
    now = datetime.now(UTC)
    async with pages.context.database.serving.acquire() as session:
        known = await endpoints.of_account_ever(session, visitor.account)
        found = await hours.of_endpoints(session, [row.id for row in known], now - span, now)
    total = hours.add_up(found)
    shown = show_hours(hours.together(found), now - span, now)
    return {
        "total": total,
        "prompt_rate": total.prompt_rate(sum(one.overdue for one in present)),
        "waiting": sum(one.waiting for one in present),
        "waiting_more": any(one.waiting >= MOST_COUNTED for one in present),
        "chart": bars(shown, zone_of(visitor.time_zone), height=CHART_HEIGHT),
    }


ROUTES: Final = (show_overview,)
