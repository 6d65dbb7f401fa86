"""``/developer/webhooks/history/{delivery}``: one delivery with its attempts and actions."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import deliveries as changes
from waypost.actions import endpoint_probes, endpoint_secrets
from waypost.actions import endpoints as endpoint_changes
from waypost.actions.actor import Actor
from waypost.actions.refusals import Conflict
from waypost.domain import ids
from waypost.domain.deliveries import Settled
from waypost.domain.endpoints import Version
from waypost.portal import showing
from waypost.portal.curl import curl_of
from waypost.portal.pages.history import HISTORY
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store import endpoints, history, trackings
from waypost.store.deliveries import DeliveryRow
from waypost.store.endpoints import EndpointRow
from waypost.store.trackings import WatchedTracking

_CURL: Final = "curl"


class Waits(msgspec.Struct, frozen=True):
    """Why a delivery waits: ``blocked``, ``held`` by a failing endpoint, ``scheduled`` or ``due``; and until when."""

    why: str
    until: datetime | None = None


@get(HISTORY + "/{delivery_id:str}")
async def show_delivery(request: PageRequest, pages: GivenPages, delivery_id: FromPath[str]) -> Response[bytes]:
    """Show the page of a delivery; ``?do=curl`` adds the cURL command, ``?attempt=`` shows that attempt in full."""
    visitor = await enter(request, pages)
    row = await changes.find(pages.context, actor_of(request, visitor), changes.read_id(delivery_id))
    async with pages.context.database.serving.acquire() as session:
        webhook = await endpoints.find(session, visitor.account, row.endpoint)
        parcel = None if row.sample else await trackings.find(session, visitor.account, row.tracking)
        before, after = await history.neighbours(session, row)
    shown = showing.delivery(await changes.show_with_attempts(pages.context, row), request.query_params.get("attempt"))
    return page(
        request,
        "delivery.html",
        visitor,
        shown=shown,
        delivery=shown.delivery,
        webhook=webhook,
        parcel=parcel,
        no_resend=_no_resend(webhook, parcel),
        in_bulk=changes.is_resent_in_bulk(row),
        waits=_waits(row, webhook),
        payload=None if shown.attempts or webhook is None else showing.payload(row, Version(webhook.version)),
        before=_text(before),
        after=_text(after),
        curl=None
        if webhook is None
        else await _curl(pages, actor_of(request, visitor), visitor.account_email, row, webhook),
        curl_shown=request.query_params.get("do") == _CURL,
    )


def _waits(row: DeliveryRow, webhook: EndpointRow | None) -> Waits | None:
    """Return why a delivery has not been sent yet, and when that ends; None if it has ended."""
    if row.state is not None:
        return None
    if row.blocked:
        return Waits("blocked")
    now = datetime.now(UTC)
    paused = None if webhook is None or row.resend_of is not None else webhook.paused_until
    if paused is not None and paused > now:
        return Waits("held", paused)
    if row.next_at is not None and row.next_at > now:
        return Waits("scheduled", row.next_at)
    return Waits("due")


def _text(delivery: UUID | None) -> str | None:
    return None if delivery is None else ids.to_text(ids.DELIVERY, delivery)


def _no_resend(webhook: EndpointRow | None, parcel: WatchedTracking | None) -> str | None:
    """Return why the delivery can't be resent, or None if it can."""
    if parcel is None:
        return changes.PARCEL_DELETED
    return None if webhook is None or webhook.enabled else "The endpoint is disabled. Enable it to resend."


@post(HISTORY + "/{delivery_id:str}/resend")
async def resend(request: PageRequest, pages: GivenPages, delivery_id: FromPath[str]) -> Response[bytes]:
    """Resend the delivery and go to the page of the new one."""

    async def act(actor: Actor, delivery: UUID) -> tuple[DeliveryRow, str]:
        made = await changes.resend(pages.context, actor, delivery)
        return made, "Resent. This is the new delivery."

    return await _act(request, pages, delivery_id, act)


@post(HISTORY + "/{delivery_id:str}/retry")
async def retry(request: PageRequest, pages: GivenPages, delivery_id: FromPath[str]) -> Response[bytes]:
    """Send a waiting delivery now, and go back to the page with the result."""

    async def act(actor: Actor, delivery: UUID) -> tuple[DeliveryRow, str]:
        row, ended = await endpoint_probes.retry_now(pages.context, actor, delivery)
        if row.state == Settled.DELIVERED:
            return row, "Sent: the endpoint accepted it."
        return row, "Sent, and not accepted." if ended else "Sent. The response has not arrived yet: reload this page."

    return await _act(request, pages, delivery_id, act)


@post(HISTORY + "/{delivery_id:str}/cancel")
async def cancel(request: PageRequest, pages: GivenPages, delivery_id: FromPath[str]) -> Response[bytes]:
    """Cancel the delivery, at once or after the attempt in flight fails, and go back to the page."""

    async def act(actor: Actor, delivery: UUID) -> tuple[DeliveryRow, str]:
        row, at_once = await changes.cancel(pages.context, actor, delivery)
        return row, "Delivery cancelled." if at_once else "An attempt is in flight: cancelled if it fails."

    return await _act(request, pages, delivery_id, act)


async def _act(
    request: PageRequest,
    pages: Pages,
    delivery_id: str,
    act: Callable[[Actor, UUID], Awaitable[tuple[DeliveryRow, str]]],
) -> Response[bytes]:
    visitor = await enter(request, pages)
    delivery = changes.read_id(delivery_id)
    try:
        row, said = await act(actor_of(request, visitor), delivery)
    except Conflict as refusal:
        notify(request, refusal.sentence)
        return go_to(f"{HISTORY}/{delivery_id}")
    notify(request, said)
    return go_to(f"{HISTORY}/{ids.to_text(ids.DELIVERY, row.id)}")


async def _curl(pages: Pages, actor: Actor, email: str, row: DeliveryRow, webhook: EndpointRow) -> str | None:
    """Return the cURL command, signed now, or None if the event no longer exists."""
    if row.packed is None or row.sample is not None:
        return None
    secrets = await endpoint_secrets.secrets_of(pages.context, actor, webhook.id)
    own = endpoint_changes.custom_headers(pages.context, webhook)
    return curl_of(row, row.packed, webhook, secrets, email=email, own=own, now=int(time.time()))


ROUTES: Final = (show_delivery, resend, retry, cancel)
