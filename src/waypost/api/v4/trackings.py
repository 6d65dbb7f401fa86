"""``/v4/trackings``, as TrackingMore's clients call it."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from types import GenericAlias
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from waypost.actions import trackings as changes
from waypost.actions.actor import Actor
from waypost.actions.constraints import between, one_of
from waypost.actions.parcel_fields import read_courier, require_facts
from waypost.actions.refusals import Invalid
from waypost.actions.shared_numbers import shared_numbers
from waypost.api.also_tracked import also_tracked
from waypost.api.call_limits import Call
from waypost.api.openapi.examples import STATE
from waypost.api.openapi.operations import OVERLOADED, Operation, Parameter
from waypost.api.page_ends import ListPage
from waypost.api.parts import Given, Parts
from waypost.api.responses import first_piece
from waypost.api.v4.admission import admit
from waypost.api.v4.body_types import Correction, NewParcel
from waypost.api.v4.envelope import (
    INVALID_FORMAT,
    INVALID_ID,
    INVALID_NUMBER,
    TOO_MANY_NUMBERS,
    CodedError,
    answer_list_success,
    answer_success,
)
from waypost.api.v4.fields import archived_of, read_body, read_object, read_query, time_of, whole_number_of
from waypost.api.v4.objects import BatchAnswer, BatchError, BatchItem, Updated, updated_object
from waypost.api.v4.parcels import UPDATE, read_edit, read_parcel
from waypost.api.v4.refusals import CONFLICTS, coded
from waypost.domain import ids
from waypost.domain.errors import InvalidInput
from waypost.domain.statuses import Status
from waypost.domain.tracking_numbers import normalise_number
from waypost.domain.trackings import TrackingState
from waypost.payloads.ascii_json import encode
from waypost.payloads.v4 import TrackingObject, tracking_object
from waypost.store.numbered_pages import numbered_page
from waypost.store.trackings import Filter, TrackingRow
from waypost.store.trackings import find as find_tracking
from waypost.turns import Turn

MOST_NUMBERS: Final = 40
PAGE_SIZE: Final = 100
LARGEST_PAGE: Final = 200
LAST_PAGE: Final = 1_000_000

_GET: Final = frozenset(
    {
        *("tracking_numbers", "courier_code", "delivery_status", "archived_status", "items_amount", "pages_amount"),
        *("created_date_min", "created_date_max", "updated_date_min", "updated_date_max", "lang"),
    }
)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_SECOND: Final = timedelta(seconds=1)
"""So many numbers fit into a header that every proxy passes on."""


@post("/v4/trackings/create", status_code=HTTPStatus.OK)
async def create(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Register a parcel. Its carrier is polled soon after the response."""
    caller = await admit(request, parts, Call.CREATE)
    fields = read_body(await request.body())
    if not isinstance(fields, dict):
        raise CodedError(HTTPStatus.BAD_REQUEST, "The body must be an object.")
    (state,) = await changes.create(parts, caller.actor, [read_parcel(fields)])
    if state is None:
        raise CodedError(*CONFLICTS["already_exists"])
    return await _warned(parts, caller.actor, answer_success(tracking_object(state)), [state])


@post("/v4/trackings/batch", status_code=HTTPStatus.OK)
async def batch(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """Register up to 40 parcels. Invalid ones are reported individually, and the others are registered."""
    caller = await admit(request, parts, Call.BATCH)
    items = read_body(await request.body())
    if not isinstance(items, list) or not items:
        raise CodedError(HTTPStatus.BAD_REQUEST, "The body must be a list of trackings.")
    if len(items) > MOST_NUMBERS:
        raise CodedError(TOO_MANY_NUMBERS, f"Max. {MOST_NUMBERS} tracking numbers create in one call.")
    parcels, errors = [], []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise CodedError(INVALID_FORMAT, "A tracking must be an object.")  # noqa: TRY301 - one way for each item
            parcels.append(read_parcel(item))
        except (CodedError, Invalid) as refused:
            error = coded(refused) if isinstance(refused, Invalid) else refused
            if error is None:
                raise
            errors.append(BatchError.of(item if isinstance(item, dict) else {}, error))
    made = []
    states = await changes.create(parts, caller.actor, parcels)
    for parcel, state in zip(parcels, states, strict=True):
        if state is None:
            errors.append(BatchError(None, parcel.tracking_number, parcel.courier_code, *CONFLICTS["already_exists"]))
        else:
            made.append(BatchItem(state.id, state.tracking_number, state.courier_code))
    return await _warned(parts, caller.actor, answer_success(BatchAnswer(made, errors)), states)


async def _warned(
    parts: Parts, actor: Actor, response: Response[bytes], states: Sequence[TrackingState | None]
) -> Response[bytes]:
    """Return a response with a header that names the new parcels which are tracked with other couriers, too.

    Its body is TrackingMore's and has no place for that.
    """
    response.headers.update(also_tracked(await shared_numbers(parts, actor, states)))
    return response


@get("/v4/trackings/get")
async def find(request: Request[Any, Any, Any], parts: Given) -> Response[bytes]:
    """List trackings, newest first; filtered by time of change, most recently changed first."""
    caller = await admit(request, parts, Call.GET)
    query = read_query(request.scope["query_string"], _GET)
    wanted = _filter(query)
    asked = ListPage(
        caller.account,
        wanted,
        limit=whole_number_of(query, "items_amount", PAGE_SIZE, LARGEST_PAGE),
        number=whole_number_of(query, "pages_amount", 1, LAST_PAGE),
    )
    skipped = (asked.number - 1) * asked.limit
    # Pages filtered by time of change are not in the order of ids.
    if not wanted.by_change and (before := parts.page_ends.before(asked)) is not None:
        wanted, skipped = msgspec.structs.replace(wanted, before=before), 0
    turn = Turn(caller.account)
    async with parts.rooms.lists.hold(caller.account):
        async with parts.database.serving.acquire() as session:
            found = await numbered_page(session, caller.account, wanted, limit=asked.limit, skipped=skipped)
        items = await first_piece(_shown(found, turn))
    if found:
        parts.page_ends.note(asked, found[-1].id)
    left = [row.id for row in found[len(items) :]]
    return answer_list_success(items, _read_again(parts, caller.account, left, turn) if left else None)


async def _shown(rows: Sequence[TrackingRow], turn: Turn) -> AsyncIterator[bytes]:
    for row in rows:
        await turn.pause()
        yield encode(tracking_object(row.state))


async def _read_again(parts: Parts, account: UUID, trackings: Sequence[UUID], turn: Turn) -> AsyncIterator[bytes]:
    """Yield current trackings, one in memory at a time, so that a slow client never holds a page of large ones.

    A numbered page can't end early: its client would take it for the last one.
    """
    for tracking in trackings:
        await turn.pause()
        async with parts.database.serving.acquire() as session:
            row = await find_tracking(session, account, tracking)
        if row is not None:
            yield encode(tracking_object(row.state))


@put("/v4/trackings/update/{tracking_id:str}")
async def update(request: Request[Any, Any, Any], parts: Given, tracking_id: FromPath[str]) -> Response[bytes]:
    """Update the given fields of a parcel, including its courier; archive or unarchive it."""
    caller = await admit(request, parts, Call.UPDATE)
    tracking = _tracking(tracking_id)
    texts = read_object(await request.body(), UPDATE)
    edited = read_edit(texts)
    if edited.courier_code is not None:
        known = (await changes.find(parts, caller.actor, tracking)).state.facts
        require_facts(edited.courier_code, known.keys() | edited.facts.keys())
    state = await changes.edit(parts, caller.actor, tracking, edited)
    return answer_success(updated_object(state, courier_code_new=texts.get("courier_code_new")))


@delete("/v4/trackings/delete/{tracking_id:str}", status_code=HTTPStatus.OK)
async def remove(request: Request[Any, Any, Any], parts: Given, tracking_id: FromPath[str]) -> Response[bytes]:
    """Delete a parcel and return its last state. Waiting deliveries are cancelled; sent ones stay in the history."""
    caller = await admit(request, parts, Call.DELETE)
    return answer_success(tracking_object(await changes.delete(parts, caller.actor, _tracking(tracking_id))))


@post("/v4/trackings/retrack/{tracking_id:str}", status_code=HTTPStatus.OK)
async def retrack(request: Request[Any, Any, Any], parts: Given, tracking_id: FromPath[str]) -> Response[bytes]:
    """Retrack an expired parcel. Its carrier is polled soon."""
    caller = await admit(request, parts, Call.RETRACK)
    return answer_success(tracking_object(await changes.retrack(parts, caller.actor, _tracking(tracking_id))))


def _tracking(text: str) -> UUID:
    if not _ID.fullmatch(text):
        raise CodedError(INVALID_ID, "The value of id is invalid: it must have 32 characters, 0-9 and a-f.")
    return changes.read_id(text)


def _filter(query: Mapping[str, str]) -> Filter:
    if query.get("lang", "en").lower() != "en":
        raise CodedError(INVALID_FORMAT, "lang must be en: scans are not translated from the carrier's language.")
    created = _range(query, "created_date")
    updated = _range(query, "updated_date")
    everything = Filter()
    # the id is assigned at registration
    return Filter(
        after=everything.after if created[0] is None else ids.first_at(created[0]),
        before=everything.before if created[1] is None else ids.first_at(created[1]),
        statuses=_statuses(query["delivery_status"]) if "delivery_status" in query else None,
        archived=archived_of(query),
        courier=read_courier(query) if "courier_code" in query else None,
        updated_after=updated[0],
        updated_before=updated[1],
        numbers=_numbers(query["tracking_numbers"]) if "tracking_numbers" in query else None,
    )


def _range(query: Mapping[str, str], name: str) -> tuple[datetime | None, datetime | None]:
    """Return the range from ``_min`` to the end of the second ``_max``."""
    least, most = time_of(query, f"{name}_min"), time_of(query, f"{name}_max")
    if least is not None and most is not None and least > most:
        raise CodedError(INVALID_FORMAT, f"{name}_min must not be later than {name}_max.")
    return least, None if most is None else most + _SECOND


def _statuses(text: str) -> tuple[Status, ...]:
    try:
        return tuple(Status(part.strip().lower()) for part in text.split(",") if part.strip())
    except ValueError:
        raise CodedError(INVALID_FORMAT, f"delivery_status must be of {', '.join(Status)}.") from None


def _numbers(text: str) -> tuple[str, ...]:
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) > MOST_NUMBERS:
        raise CodedError(TOO_MANY_NUMBERS, f"Max. {MOST_NUMBERS} tracking numbers in one call.")
    try:
        return tuple(sorted({normalise_number(part) for part in parts}))
    except InvalidInput as error:
        raise CodedError(INVALID_NUMBER, f"A value of tracking_numbers is invalid: it {error.message}.") from None


ROUTES: Final = (create, batch, find, update, remove, retrack)

_GROUP: Final = "API v4: trackings"
_TRACKING: Final = tracking_object(STATE)
_NEW: Final = {
    "tracking_number": STATE.tracking_number,
    "courier_code": STATE.courier_code,
    "order_number": "ORD-77",
    "destination_country_iso2": "US",
}
_CHANGE: Final = {"note": "Leave it at the door", "archived_status": "archived"}
_BATCH: Final = BatchAnswer(
    [BatchItem(STATE.id, STATE.tracking_number, STATE.courier_code)],
    [BatchError(None, "", "usps", 4111, "The value of tracking_number is required.")],
)
_TIME: Final = "a date, a time such as 2026-03-04T13:20:00+00:00, or Unix seconds"
_PARAMETERS: Final = (
    Parameter("tracking_numbers", "Up to 40 numbers, separated by commas."),
    Parameter("courier_code", "One courier's code."),
    Parameter("delivery_status", "A status, or several separated by commas."),
    Parameter("archived_status", "`archived` (or `true`), or `tracking` (or `false`)."),
    Parameter("created_date_min", f"Registered then or later: {_TIME}."),
    Parameter("created_date_max", f"Registered then or earlier: {_TIME}."),
    Parameter("updated_date_min", f"Changed then or later: {_TIME}. The most recently changed come first."),
    Parameter("updated_date_max", f"Changed then or earlier: {_TIME}."),
    Parameter(
        "items_amount",
        f"The page size: {PAGE_SIZE} by default, at most {LARGEST_PAGE}.",
        Annotated[int, between(1, LARGEST_PAGE)],
    ),
    Parameter("pages_amount", "The page number, starting at 1.", Annotated[int, between(1, LAST_PAGE)]),
    Parameter(
        "lang",
        "Only `en`: scans are not translated from the carrier's language.",
        Annotated[str, one_of(["en"])],
    ),
)
_NO_SUCH: Final = "4112 for a malformed id, 4102 for an unknown id"
_FIELDS: Final = "4130 for an invalid or unknown field"
OPERATIONS: Final = (
    Operation(
        handler=create,
        group=_GROUP,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        body=NewParcel,
        body_example=_NEW,
        errors={
            400: "4101 for a parcel that already exists, 4110 and 4111 for its number, 4120 to 4122 for its courier,"
            f" {_FIELDS}.",
            503: OVERLOADED,
        },
    ),
    Operation(
        handler=batch,
        group=_GROUP,
        scope="write",
        answers={200: BatchAnswer},
        example=_BATCH,
        body=GenericAlias(list, (NewParcel,)),
        body_example=[_NEW],
        errors={400: "4103 for more than 40 parcels, 400 if the body is not a list.", 503: OVERLOADED},
    ),
    Operation(
        handler=find,
        group=_GROUP,
        scope="read",
        answers={200: list[TrackingObject]},
        example=[_TRACKING],
        parameters=_PARAMETERS,
        errors={400: f"4103 for more than 40 numbers, 4110 and 4120 for invalid numbers and courier codes, {_FIELDS}."},
    ),
    Operation(
        handler=update,
        group=_GROUP,
        scope="write",
        answers={200: Updated},
        example=updated_object(STATE, courier_code_new=None),
        body=Correction,
        body_example=_CHANGE,
        errors={
            400: f"{_NO_SUCH}, 4101 if the number is already registered with the courier, 4120 and 4122, {_FIELDS}."
        },
    ),
    Operation(
        handler=remove,
        group=_GROUP,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        errors={400: f"{_NO_SUCH}."},
    ),
    Operation(
        handler=retrack,
        group=_GROUP,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        errors={400: f"{_NO_SUCH}, 4113 if it is not expired.", 503: OVERLOADED},
    ),
)
