"""``/trackings/{id}``: one parcel, its checkpoints and events, and the delivery of each or why there is none."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import connectable, parcel_sources
from waypost.actions import trackings as changes
from waypost.actions.actor import Actor
from waypost.domain import ids
from waypost.domain.deliveries import waiting_state
from waypost.domain.facts import WINDOW, delivery_window
from waypost.domain.ids import LAST
from waypost.domain.statuses import Status
from waypost.domain.times import read_rfc3339
from waypost.domain.trackings import Edit
from waypost.portal.pages.trackings import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page_in_turns
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import ADDED_LATER, endpoint_name, skip_reason
from waypost.store import endpoints, parcels
from waypost.store.endpoints import NamedEndpoint
from waypost.store.parcels import ParcelDelivery, ParcelEvent

ONE: Final = PATH + "/{tracking_id:str}"
MOST_EVENTS: Final = 30
_SOON: Final = timedelta(minutes=1)
_LATER: Final = (
    "This parcel was checked recently, and its carrier limits how often that is possible. See the next check below."
)


class Sent(msgspec.Struct, frozen=True):
    """An event of the page at one endpoint: the delivery and its state, or the reason why there is none."""

    endpoint: str
    name: str
    delivery: str | None
    state: str | None
    reason: str | None


class ShownEvent(msgspec.Struct, frozen=True):
    """An event of the page, and its result at each endpoint."""

    event: ParcelEvent
    sent: list[Sent]


@get(ONE)
async def show(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Show the page of a parcel; ``?before=`` continues with older events, ``?do=delete`` opens the dialog."""
    visitor = await enter(request, pages)
    tracking = changes.read_id(tracking_id)
    actor = actor_of(request, visitor)
    row = await changes.find(pages.context, actor, tracking)
    source = await parcel_sources.of_parcel(pages.context, actor, row)
    before = ids.from_text(ids.EVENT, request.query_params.get("before", "")) or LAST
    async with pages.context.database.serving.acquire() as session:
        found = await parcels.events(session, visitor.account, tracking, before=before, limit=MOST_EVENTS + 1)
        shown = found[:MOST_EVENTS]
        sent = await parcels.deliveries(session, tracking, shown)
        named = await endpoints.of_account_ever(session, visitor.account)
    return await page_in_turns(
        request,
        "tracking.html",
        visitor,
        row=row,
        source=source,
        pushed_at=None if source.pushed_at is None else read_rfc3339(source.pushed_at),
        replacement=await parcel_sources.replaced_by(pages.context, actor, tracking),
        others=await parcel_sources.same_number(pages.context, actor, row.state),
        connectable=connectable.that_answer_for(row.state.courier_code, row.state.tracking_number, pages.context.codes),
        parcel=row.state,
        scans=list(reversed(row.state.checkpoints)),
        facts=sorted((name, fact.text) for name, fact in row.state.facts.items() if name not in WINDOW),
        window=delivery_window(row.state.facts),
        events=[ShownEvent(event, where(event, sent, named)) for event in shown],
        older=ids.to_text(ids.EVENT, shown[-1].id) if len(found) > MOST_EVENTS else None,
        first=before == LAST,
        deleting=request.query_params.get("do") == "delete",
        is_expired=row.state.status is Status.EXPIRED,
        track_path=pages.context.track_links.path(tracking),
    )


def where(event: ParcelEvent, sent: Sequence[ParcelDelivery], named: Sequence[NamedEndpoint]) -> list[Sent]:
    """Return, for every endpoint, the deliveries of an event or the reason for none; live endpoints come first."""
    found = []
    for endpoint in named:
        own = [one for one in sent if one.event == event.id and one.endpoint == endpoint.id]
        found += [_sent(endpoint, one) for one in own]
        reason = event.skipped.get(endpoint.id.hex)
        if reason is None and not endpoint.deleted and ids.made_at(endpoint.id) > ids.made_at(event.id):
            reason = ADDED_LATER
        if not own and reason is not None:
            reason = skip_reason(reason, event.status)
            found.append(Sent(ids.to_text(ids.ENDPOINT, endpoint.id), endpoint_name(endpoint), None, None, reason))
    return found


def _sent(endpoint: NamedEndpoint, delivery: ParcelDelivery) -> Sent:
    return Sent(
        ids.to_text(ids.ENDPOINT, endpoint.id),
        endpoint_name(endpoint),
        ids.to_text(ids.DELIVERY, delivery.id),
        delivery.state or waiting_state(blocked=delivery.blocked, tries=delivery.tries),
        delivery.reason,
    )


@post(ONE + "/refresh")
async def refresh(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Have a parcel's carrier polled as soon as its limits allow, and go back to the page, which says when."""
    visitor = await enter(request, pages)
    tracking = changes.read_id(tracking_id)
    refreshed = await changes.refresh(pages.context, actor_of(request, visitor), tracking)
    at = refreshed.next_poll_at
    soon = at is None or at <= datetime.now(UTC) + _SOON
    notify(request, "The carrier will be polled within a minute." if soon else _LATER)
    return go_to(f"{PATH}/{tracking.hex}")


@post(ONE + "/retrack")
async def retrack(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Retrack an expired parcel, and go back to its page."""
    return await _act(request, pages, tracking_id, partial(changes.retrack, pages.context), "Parcel retracked.")


@post(ONE + "/archive")
async def archive(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Archive a parcel, which stops polling, and go back to its page."""
    edit = partial(changes.edit, pages.context, edited=Edit(archived=True))
    return await _act(request, pages, tracking_id, edit, "Parcel archived.")


@post(ONE + "/unarchive")
async def unarchive(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Unarchive a parcel, and go back to its page."""
    edit = partial(changes.edit, pages.context, edited=Edit(archived=False))
    return await _act(request, pages, tracking_id, edit, "Parcel unarchived. It is tracked again.")


@post(ONE + "/delete")
async def delete(request: PageRequest, pages: GivenPages, tracking_id: FromPath[str]) -> Response[bytes]:
    """Delete a parcel, and go to the page of parcels."""
    visitor = await enter(request, pages)
    await changes.delete(pages.context, actor_of(request, visitor), changes.read_id(tracking_id))
    notify(request, "Parcel deleted.")
    return go_to(PATH)


async def _act(
    request: PageRequest, pages: Pages, tracking_id: str, act: Callable[[Actor, UUID], Awaitable[object]], done: str
) -> Response[bytes]:
    visitor = await enter(request, pages)
    tracking = changes.read_id(tracking_id)
    await act(actor_of(request, visitor), tracking)
    notify(request, done)
    return go_to(f"{PATH}/{tracking.hex}")


ROUTES: Final = (show, refresh, retrack, archive, unarchive, delete)
