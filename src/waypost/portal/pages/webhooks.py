"""``/developer/webhooks``: list the account's endpoints, and add one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import msgspec
from litestar import Response, get, post

from waypost.actions import endpoints as changes
from waypost.actions.endpoint_stats import DEFAULT, show_hours
from waypost.actions.endpoint_summaries import EndpointSummary, summaries
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain import ids
from waypost.portal import wording
from waypost.portal.charts import Chart, bars
from waypost.portal.pages.webhook_form import WebhookForm, form_errors, is_duplicate, read_form
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import endpoints, hours
from waypost.store.accounts import Visitor

PATH: Final = "/developer/webhooks"
ADD: Final = "add"


class LastDay(msgspec.Struct, frozen=True):
    """An endpoint's last 24 hours on the page of endpoints."""

    prompt_rate: float | None
    chart: Chart


@get(PATH)
async def list_webhooks(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of endpoints; ``?do=add`` opens the form for adding one."""
    visitor = await enter(request, pages)
    return await _page(request, pages, visitor, WebhookForm(), {}, adding=request.query_params.get("do") == ADD)


@post(PATH)
async def add(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Add an endpoint and go to its page, or show the errors in the form."""
    visitor = await enter(request, pages)
    form = read_form(await request.form())
    try:
        row, _ = await changes.add(pages.context, actor_of(request, visitor), form.added())
    except (Invalid, Conflict) as refusal:
        errors, duplicate = form_errors(refusal, form), is_duplicate(refusal)
        return await _page(request, pages, visitor, form, errors, adding=True, duplicate=duplicate)
    notify(request, "Endpoint added. Send it a test: Actions, Test endpoint.")
    return go_to(f"{PATH}/{ids.to_text(ids.ENDPOINT, row.id)}")


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    form: WebhookForm,
    errors: dict[str, str],
    *,
    adding: bool,
    duplicate: bool = False,
) -> Response[bytes]:
    context = pages.context
    async with context.database.serving.acquire() as session:
        rows = await endpoints.of_account(session, visitor.account, before=None, limit=context.max_endpoints)
        now = datetime.now(UTC)
        found = await summaries(context, session, rows)
        known = await hours.of_endpoints(session, [row.id for row in rows], now - DEFAULT, now)
    full = len(rows) >= context.max_endpoints
    return page(
        request,
        "webhooks.html",
        visitor,
        shows_secret=bool(form.secret or form.headers),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        webhooks=[(one, _day(one, known, now)) for one in found],
        form=form,
        errors=errors,
        adding=adding and not full,
        wanted=adding,
        retries=wording.retries(context.retries),
        duplicate=duplicate,
        full=changes.limit_reached(context.max_endpoints) if full else None,
    )


def _day(summary: EndpointSummary, known: Sequence[hours.Hour], now: datetime) -> LastDay:
    """Return an endpoint's rate and chart for the last 24 hours."""
    own = [one for one in known if ids.to_text(ids.ENDPOINT, one.endpoint) == summary.endpoint.id]
    return LastDay(hours.add_up(own).prompt_rate(summary.overdue), bars(show_hours(own, now - DEFAULT, now), UTC))


ROUTES: Final = (list_webhooks, add)
