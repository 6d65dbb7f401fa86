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
from waypost.actions import endpoint_secrets, endpoint_tests
from waypost.actions import endpoints as changes
from waypost.actions.actor import Actor
from waypost.actions.endpoint_stats import DEFAULT, stats_of
from waypost.actions.endpoints import show
from waypost.actions.refusals import Conflict, Invalid
from waypost.domain import ids
from waypost.domain.endpoints import Version
from waypost.domain.statuses import SELECTABLE, Status
from waypost.portal import showing
from waypost.portal.charts import bars
from waypost.portal.form_errors import errors_by_field
from waypost.portal.pages import last_errors
from waypost.portal.pages import recoveries as recovery
from waypost.portal.pages.webhook_form import (
    WebhookForm,
    form_of,
    is_duplicate,
    is_overwriting,
    read_form,
    reject_overwriting,
)
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page, part
from waypost.portal.requests import PageRequest
from waypost.portal.snippets import LANGUAGES
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import zone_of
from waypost.signing.standard import standard_secret
from waypost.store import deliveries, endpoints
from waypost.store.accounts import Visitor
from waypost.store.deliveries import Wanted
from waypost.store.endpoints import EndpointRow

DIALOGS: Final = ("update", "test", "disable", "enable", "delete", "rotate", "recover")
RECENT: Final = 10
CHART_HEIGHT: Final = 96
_TEST: Final = "test"
_SECRET: Final = "secret"  # noqa: S105 - the name of a part of the page


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
        errors, duplicate = errors_by_field(refusal), is_duplicate(refusal)
        return await _page(request, pages, visitor, row, form=form, errors=errors, dialog="update", duplicate=duplicate)
    notify(request, "Endpoint updated. Waiting webhooks will use the new settings.")
    return go_to(f"{PATH}/{endpoint_id}")


@post(PATH + "/{endpoint_id:str}/test")
async def test(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Send a test and show its result on the endpoint's page."""
    visitor = await enter(request, pages)
    status = str((await request.form()).get("status", ""))
    row = await endpoint_tests.send_test(
        pages.context, actor_of(request, visitor), changes.read_id(endpoint_id), status
    )
    return go_to(f"{PATH}/{endpoint_id}?do=test&status={status}&result={ids.to_text(ids.DELIVERY, row.id)}")


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
    return await _act(
        request, pages, endpoint_id, partial(endpoint_secrets.rotate, pages.context), done, then=f"?do={_SECRET}#secret"
    )


@post(PATH + "/{endpoint_id:str}/end-rotation")
async def end_rotation(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Remove the old secret before its overlap ends, and go back to the page."""
    done = "The old secret was removed; only the new one is used now."
    return await _act(request, pages, endpoint_id, partial(endpoint_secrets.end_rotation, pages.context), done)


@get(PATH + "/{endpoint_id:str}/sample")
async def sample(request: PageRequest, pages: GivenPages, endpoint_id: FromPath[str]) -> Response[bytes]:
    """Return the sample of a status as a fragment of the page, for the script."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(endpoint_id))
    return part(request, "sample.html", sample=showing.sample(Version(row.version), _status(request)))


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
    query, version, status = request.query_params, Version(row.version), _status(request)
    return page(
        request,
        "webhook.html",
        visitor,
        shows_secret=True,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        webhook=show(pages.context, row),
        form=form,
        errors=errors or {},
        duplicate=duplicate,
        dialog=dialog,
        test_status=status,
        sample=showing.sample(version, status),
        result=await _result(pages, visitor, query.get("result")) if dialog == _TEST else None,
        snippet=showing.snippet_of(query.get("language"), query.get("way"), version),
        languages=LANGUAGES,
        **await _lately(pages, visitor, row),
        last_errors=await last_errors.shown(pages, row),
        **await recovery.shown(pages, visitor.account, row.id, query.get("counted")),
        **await _secret(pages, actor_of(request, visitor), row, revealed=query.get("do") == _SECRET),
    )


async def _lately(pages: Pages, visitor: Visitor, row: EndpointRow) -> dict[str, Any]:
    """Return what the page shows about recent deliveries and the last 24 hours."""
    now = datetime.now(UTC)
    stats = await stats_of(pages.context, row.id, now - DEFAULT, now)
    async with pages.context.database.serving.acquire() as session:
        recent = await deliveries.newest(session, visitor.account, Wanted.of_endpoint(row.id), RECENT)
        skipped = await endpoints.skipped(session, visitor.account, row.id, limit=RECENT)
    return {
        "stats": stats,
        "chart": bars(stats.hours, zone_of(visitor.time_zone), height=CHART_HEIGHT),
        "waiting": stats.waiting,
        "recent": [delivery_actions.show(one) for one in recent],
        "skipped": skipped,
    }


async def _secret(pages: Pages, actor: Actor, row: EndpointRow, *, revealed: bool) -> dict[str, Any]:
    """Return the secret only on request, so that the page does not contain it otherwise."""
    look = endpoint_secrets.reveal if revealed else endpoint_secrets.secrets_of
    secrets = await look(pages.context, actor, row.id)
    return {
        "secret": secrets.current if revealed else None,
        "standard_secret": standard_secret(secrets.current) if revealed else None,
        "overlap_until": None if secrets.until is None else datetime.fromtimestamp(secrets.until, UTC),
    }


async def _result(pages: Pages, visitor: Visitor, delivery_id: str | None) -> Any:
    delivery = ids.from_text(ids.DELIVERY, delivery_id or "")
    if delivery is None:
        return None
    async with pages.context.database.serving.acquire() as session:
        row = await deliveries.find(session, visitor.account, delivery)
    if row is None:
        return None
    return showing.delivery(await delivery_actions.show_with_attempts(pages.context, row))


def _status(request: PageRequest) -> Status:
    """Return the status selected for a test."""
    asked = request.query_params.get("status")
    return Status(asked) if asked is not None and asked in list(SELECTABLE) else Status.DELIVERED


ROUTES: Final = (show_webhook, update, test, disable, enable, delete, rotate, end_rotation, sample)
