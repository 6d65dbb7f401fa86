"""``/developer/webhooks/{id}``: one endpoint and every action on it.

Each action is a dialog on this page. ``?do=update`` and the like open it, with or without JavaScript.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import deliveries as delivery_actions
from waypost.actions import endpoint_secrets, incidents
from waypost.actions import endpoints as changes
from waypost.actions.actor import Actor
from waypost.actions.endpoint_stats import DEFAULT, days_of, stats_of
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain import ids
from waypost.domain.incidents import Kind
from waypost.portal.charts import bars, strip
from waypost.portal.pages import last_errors, webhook_test
from waypost.portal.pages import recoveries as recovery
from waypost.portal.pages.webhook_form import (
    WebhookForm,
    form_errors,
    form_of,
    is_duplicate,
    is_overwriting,
    read_form,
    reject_overwriting,
)
from waypost.portal.pages.webhook_head import SECRET, head, secret, summary_of, verifying
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import zone_of
from waypost.store import deliveries
from waypost.store.accounts import Visitor
from waypost.store.deliveries import Wanted
from waypost.store.endpoints import EndpointRow

DIALOGS: Final = ("update", "test", "disable", "enable", "delete", "rotate", "recover")
RECENT: Final = 10
OUTAGES: Final = 5
CHART_HEIGHT: Final = 96


@get(PATH + "/{endpoint_id:str}")
async def show_webhook(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Show the page of an endpoint, with the requested dialog open."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    asked = request.query_params.get("do")
    form = form_of(changes.settings_of(pages.context, row))
    return await _page(request, pages, visitor, row, form=form, dialog=asked if asked in DIALOGS else None)


@post(PATH + "/{endpoint_id:str}/update")
async def update(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: update the endpoint; a custom secret replaces the current one, with the usual overlap."""
    visitor = await enter(request, pages)
    endpoint = changes.read_id(endpoint_id)
    form = read_form(await request.form())
    try:
        await changes.change(
            pages.context,
            actor_of(request, visitor),
            endpoint,
            form.changed(),
            secret=form.secret or None,
            check=partial(reject_overwriting, form),
        )
    except (Invalid, Conflict) as refusal:
        row = await changes.find(pages.context, actor_of(request, visitor), endpoint)
        if is_overwriting(refusal):
            form = msgspec.structs.replace(form, seen=form_of(changes.settings_of(pages.context, row)).seen)
        errors, duplicate = form_errors(refusal, form), is_duplicate(refusal)
        return await _page(request, pages, visitor, row, form=form, errors=errors, dialog="update", duplicate=duplicate)
    notify(request, "Endpoint updated. Waiting webhooks will use the new settings.")
    return go_to(f"{PATH}/{endpoint_id}")


@post(PATH + "/{endpoint_id:str}/disable")
async def disable(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Disable the endpoint, and go back to its page."""
    switch = partial(changes.switch, pages.context, on=False)
    return await _act(request, pages, endpoint_id, switch, "Endpoint disabled.")


@post(PATH + "/{endpoint_id:str}/enable")
async def enable(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Enable the endpoint, and offer on its page to recover the events it missed."""
    visitor = await enter(request, pages)
    was = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    await changes.switch(pages.context, actor_of(request, visitor), was.id, on=True)
    notify(request, "Endpoint enabled.")
    return await recovery.offer_missed(pages, actor_of(request, visitor), was)


@post(PATH + "/{endpoint_id:str}/delete")
async def delete(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Delete the endpoint, and go to the page of endpoints."""
    visitor = await enter(request, pages)
    await changes.remove(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    notify(request, "Endpoint deleted.")
    return go_to(PATH)


@post(PATH + "/{endpoint_id:str}/rotate")
async def rotate(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Generate a new secret, and go back to the page; the old one also signs for a day."""
    done = "Secret rotated. The old secret also signs for 24 hours."
    then = f"/set-up?do={SECRET}#secret"
    return await _act(request, pages, endpoint_id, partial(endpoint_secrets.rotate, pages.context), done, then=then)


@post(PATH + "/{endpoint_id:str}/end-rotation")
async def end_rotation(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Remove the old secret before its overlap ends, and go back to the page."""
    done = "The old secret was removed; only the new one is used now."
    return await _act(request, pages, endpoint_id, partial(endpoint_secrets.end_rotation, pages.context), done)


async def _act(
    request: PageRequest,
    pages: Pages,
    endpoint_id: str,
    act: Callable[[Actor, UUID], Awaitable[object]],
    done: str,
    *,
    then: str = "",
) -> Response[bytes]:
    visitor = await enter(request, pages)
    await act(actor_of(request, visitor), changes.read_id(endpoint_id))
    notify(request, done)
    return go_to(f"{PATH}/{endpoint_id}{then}")


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    row: EndpointRow,
    *,
    form: WebhookForm,
    dialog: str | None,
    errors: dict[str, str] | None = None,
    duplicate: bool = False,
) -> Response[bytes]:
    return page(
        request,
        "webhook.html",
        visitor,
        shows_secret=bool(form.headers or form.secret) or request.query_params.get("do") == SECRET,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        form=form,
        errors=errors or {},
        duplicate=duplicate,
        dialog=dialog,
        is_new=row.last_success_at is None and row.last_error is None,
        **head(await summary_of(pages, row)),
        **verifying(request, row),
        **await webhook_test.dialog(request, pages, visitor, row, opened=dialog == webhook_test.TEST),
        **await _lately(pages, visitor, row),
        last_errors=await last_errors.shown(pages, row),
        **await recovery.shown(request, pages, visitor.account, row, request.query_params.get("counted")),
        **await secret(request, pages, actor_of(request, visitor), row),
    )


async def _lately(pages: Pages, visitor: Visitor, row: EndpointRow) -> dict[str, Any]:
    """Return what the page shows about recent deliveries, the last 24 hours and the last 30 days."""
    now = datetime.now(UTC)
    stats = await stats_of(pages.context, row.id, now - DEFAULT, now)
    async with pages.context.database.serving.acquire() as session:
        recent = await deliveries.newest(session, visitor.account, Wanted.of_endpoint(row.id), RECENT)
        days = await days_of(session, row.id, now.date())
    known = await incidents.newest(pages.context, visitor.account)
    place = ids.to_text(ids.ENDPOINT, row.id)
    outages = [one for one in known if one.subject == place and one.kind == Kind.ENDPOINT_FAILING]
    return {
        "stats": stats,
        "chart": bars(stats.hours, zone_of(visitor.time_zone), height=CHART_HEIGHT),
        "recent": [delivery_actions.show(one) for one in recent],
        "days": days,
        "strip": strip(days),
        "outages": outages[:OUTAGES],
    }


ROUTES: Final = (show_webhook, update, disable, enable, delete, rotate, end_rotation)
