"""``/``: the account at a glance, with first steps while it is new."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from litestar import Response, get

from waypost.actions import incidents
from waypost.actions.endpoint_stats import show_hours
from waypost.actions.endpoints import show
from waypost.domain.incidents import State
from waypost.domain.latency import percentile
from waypost.domain.statuses import Status
from waypost.portal.charts import bars
from waypost.portal.pages.incidents import place_of
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import enter
from waypost.store import connections, endpoints, hours, overview
from waypost.store.accounts import Visitor
from waypost.store.endpoints import EndpointRow

PATH: Final = "/"
CHART_HEIGHT: Final = 120
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
    delivered = any(row.last_success_at is not None for row in rows)
    steps = [
        FirstStep("feed", bool(used or asked)),
        FirstStep("parcel", any(counts.values())),
        FirstStep("webhook", bool(rows)),
        FirstStep("delivered", delivered),
    ]
    found = await incidents.newest(pages.context, visitor.account, state=State.OPEN)
    return page(
        request,
        "overview.html",
        visitor,
        incidents=[(one, place_of(one)) for one in found],
        counts=[(status, count) for status, count in counts.items() if count or status is not Status.PENDING],
        most=overview.MOST_COUNTED,
        any_parcel=any(counts.values()),
        troubled=[show(pages.context, row) for row in rows if _is_troubled(row)],
        any_endpoint=bool(rows),
        steps=[] if all(step.done for step in steps) else steps,
        asked=[one.name for one in asked],
        used=used,
        span=span,
        spans=[(name, label) for name, (label, _) in _SPANS.items()],
        **await _deliveries(pages, visitor, _SPANS[span][1]),
    )


def _is_troubled(row: EndpointRow) -> bool:
    return row.failing_since is not None or row.disabled_reason in ("gone", "failing")


async def _deliveries(pages: Pages, visitor: Visitor, span: timedelta) -> dict[str, Any]:
    """Return the figures of all endpoints together, including deleted ones, whose webhooks were sent too."""
    now = datetime.now(UTC)
    async with pages.context.database.serving.acquire() as session:
        known = await endpoints.of_account_ever(session, visitor.account)
        found = await hours.of_endpoints(session, [row.id for row in known], now - span, now)
    total = hours.add_up(found)
    return {
        "total": total,
        "failed_attempts": sum(one.failed_attempts for one in found),
        "half_ms": percentile(total.latency, 0.5),
        "most_ms": percentile(total.latency, 0.95),
        "chart": bars(show_hours(hours.together(found), now - span, now), height=CHART_HEIGHT),
    }


ROUTES: Final = (show_overview,)
