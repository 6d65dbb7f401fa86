"""``/v1/trackings/{id}``: one parcel as v4 shows it, with its newest event's number and when its carrier is asked."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from waypost.actions import trackings as changes
from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.parcel_sources import NotAsked, ParcelSource, of_parcel, replaced_by
from waypost.api.openapi.examples import AT, STATE
from waypost.api.openapi.operations import Operation
from waypost.api.parts import Given
from waypost.api.responses import answer
from waypost.api.v1.admission import admit
from waypost.domain.times import rfc3339_or_none
from waypost.payloads.v4 import TrackingObject, tracking_object
from waypost.store.trackings import WatchedTracking


class Tracking(TrackingObject, frozen=True, kw_only=True):
    """A tracking as v1 shows it; ``tracking_link`` is its public page, null if WAYPOST_PUBLIC_URL is not set.

    ``polling`` describes its source. ``replaced_by`` is the id of the parcel that its shop lists instead.
    """

    sequence: int
    tracking_link: str | None
    last_polled_at: str | None
    next_poll_at: str | None
    polling: ParcelSource
    replaced_by: str | None = None


_OF_V4: Final = TrackingObject.__struct_fields__


@get("/v1/trackings/{tracking_id:str}")
async def find(request: Request[Any, Any, Any], parts: Given, tracking_id: FromPath[str]) -> Response[bytes]:
    """Return one parcel."""
    caller = await admit(request, parts, scope="read")
    row = await changes.find(parts, caller.actor, changes.read_id(tracking_id))
    return answer(await show(parts, caller.actor, row))


@post("/v1/trackings/{tracking_id:str}/refresh", status_code=HTTPStatus.OK)
async def refresh(request: Request[Any, Any, Any], parts: Given, tracking_id: FromPath[str]) -> Response[bytes]:
    """Have a parcel's carrier polled soon, within the carrier's limits; ``next_poll_at`` is when."""
    caller = await admit(request, parts, scope="write")
    row = await changes.refresh(parts, caller.actor, changes.read_id(tracking_id))
    return answer(await show(parts, caller.actor, row))


async def show(parts: Context, actor: Actor, row: WatchedTracking) -> Tracking:
    """Return a tracking as v1 represents it."""
    shown, replacement = tracking_object(row.state), await replaced_by(parts, actor, row.id)
    return Tracking(
        **{name: getattr(shown, name) for name in _OF_V4},
        sequence=row.sequence,
        tracking_link=parts.track_links.link(row.id),
        last_polled_at=rfc3339_or_none(row.last_polled_at),
        next_poll_at=rfc3339_or_none(row.next_poll_at),
        polling=await of_parcel(parts, actor, row),
        replaced_by=None if replacement is None else replacement.id.hex,
    )


ROUTES: Final = (find, refresh)

_GROUP: Final = "API v1: trackings"
_TRACKING: Final = Tracking(
    **msgspec.structs.asdict(tracking_object(STATE)),
    sequence=2,
    tracking_link=None,
    last_polled_at=AT,
    next_poll_at=None,
    polling=ParcelSource(None, None, [], NotAsked.ENDED),
)
OPERATIONS: Final = (
    Operation(handler=find, group=_GROUP, scope="read", answers={200: Tracking}, example=_TRACKING),
    Operation(
        handler=refresh,
        group=_GROUP,
        scope="write",
        answers={200: Tracking},
        example=_TRACKING,
        errors={409: "No source is connected for the parcel's courier, or it is archived."},
    ),
)
