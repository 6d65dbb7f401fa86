"""``/trackings``: search and filter the account's parcels, and add one."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post

from waypost.actions import trackings as changes
from waypost.actions.parcel_fields import NewTracking, read_parcel
from waypost.actions.parcel_sources import same_number
from waypost.actions.refusals import Invalid
from waypost.domain import ids
from waypost.domain.errors import InvalidInput
from waypost.domain.ids import LAST
from waypost.domain.statuses import Status
from waypost.domain.tracking_numbers import check_courier_code
from waypost.portal.form_errors import errors_by_field
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page_in_turns
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.portal.wording import courier_name
from waypost.sources.couriers.table import courier_named
from waypost.store import connections, trackings
from waypost.store.accounts import Visitor
from waypost.store.trackings import Filter
from waypost.turns import Turn

PATH: Final = "/trackings"
ADD: Final = "add"
PAGE_SIZE: Final = 50
LONGEST_SEARCH: Final = 100
NO_COURIER: Final = "No courier has this name. Choose one from the list, or enter a courier code such as usps."
_FILTERS: Final = ("search", "status", "courier", "archived")
_ADDED: Final = ("tracking_number", "courier_code", "order_number", "title")
_ARCHIVED: Final = {"": False, "only": True, "all": None}


@get(PATH)
async def list_trackings(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of parcels that match the filters, newest first."""
    visitor = await enter(request, pages)
    return await _page(request, pages, visitor, {}, {}, adding=request.query_params.get("do") == ADD)


@post(PATH)
async def add(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the form: register a parcel as API v4 does; without a courier code, detect the courier from the number."""
    visitor = await enter(request, pages)
    form = await request.form()
    given = {name: str(form.get(name, "")).strip() for name in _ADDED}
    given["courier_code"] = courier_named(given["courier_code"])
    try:
        parcel = read_parcel(given | ({} if given["courier_code"] else {"auto_correct": "true"}))
    except Invalid as refusal:
        return await _page(request, pages, visitor, given, _errors(refusal), adding=True)
    if "anyway" not in form and (known := await _other_couriers(pages, visitor, parcel)):
        errors = {"tracking_number": f"You track this number already with {known}. Most numbers have one courier."}
        return await _page(request, pages, visitor, given, errors, adding=True, is_known=True)
    (state,) = await changes.create(pages.context, actor_of(request, visitor), [parcel], source="WEB")
    if state is None:
        errors = {"tracking_number": "This number is already tracked with the same courier."}
        return await _page(request, pages, visitor, given, errors, adding=True)
    others = await same_number(pages.context, actor_of(request, visitor), state)
    also = ", ".join(courier_name(one.courier_code) for one in others)
    notify(request, f"Parcel added. Its number is also tracked with {also}." if also else "Parcel added.")
    return go_to(f"{PATH}/{state.id}")


async def _other_couriers(pages: Pages, visitor: Visitor, parcel: NewTracking) -> str:
    """Return the names of the couriers with which the account tracks a number; empty if its courier is among them."""
    async with pages.context.database.serving.acquire() as session:
        found = await trackings.couriers_of(session, visitor.account, [parcel.tracking_number])
    known = found.get(parcel.tracking_number, [])
    return "" if parcel.courier_code in known else " and ".join(courier_name(code) for code in known)


def _errors(refusal: Invalid) -> dict[str, str]:
    """Return the error by field; a courier can require a fact for which the form has no field."""
    fault = refusal.faults[0]
    if fault.field in _ADDED:
        return errors_by_field(refusal)
    return {"courier_code": f"{fault.field} {fault.message}."}


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    given: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    adding: bool,
    is_known: bool = False,
) -> Response[bytes]:
    chosen = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
    chosen = {name: text for name, text in chosen.items() if text}
    wanted, faults = _wanted(chosen, request.query_params.get("cursor"))
    async with pages.context.database.serving.acquire() as session:
        asked = await connections.of_account(session, visitor.account, shared=True)
        couriers = await trackings.couriers_in_use(session, visitor.account)
        found = [] if faults else await trackings.page(session, visitor.account, wanted, limit=PAGE_SIZE + 1)
    turn, parcels = Turn(visitor.account), []
    for row in found[:PAGE_SIZE]:
        await turn.pause()
        state = row.state
        parcels.append(msgspec.structs.replace(state, checkpoints=state.checkpoints[-1:], unplaced=()))
    is_more = len(found) > PAGE_SIZE
    return await page_in_turns(
        request,
        "trackings.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors or faults else HTTPStatus.OK,
        parcels=parcels,
        next_query=urlencode({**chosen, "cursor": parcels[-1].id}) if is_more else None,
        chosen=chosen,
        faults=faults,
        statuses=tuple(Status),
        couriers=sorted({courier_name(code) for code in couriers}, key=str.casefold),
        given={name: given.get(name, "") for name in _ADDED},
        errors=errors,
        adding=adding,
        is_known=is_known,
        asked=bool(asked),
    )


def _wanted(chosen: Mapping[str, str], cursor: str | None) -> tuple[Filter, dict[str, str]]:
    """Return the filter, and the errors by field."""
    faults = {}
    search = chosen.get("search", "")
    if len(search) > LONGEST_SEARCH or not search.isprintable():
        faults["search"] = f"Must be at most {LONGEST_SEARCH} printable characters."
    status = chosen.get("status")
    if status is not None and status not in list(Status):
        faults["status"] = "Not a valid status."
    courier = chosen.get("courier")
    try:
        courier = None if courier is None else check_courier_code(courier_named(courier))
    except InvalidInput:
        faults["courier"] = NO_COURIER
    if chosen.get("archived", "") not in _ARCHIVED:
        faults["archived"] = "Must be one of the options."
    if faults:
        return Filter(), faults
    wanted = Filter(
        before=ids.from_text("", cursor or "") or LAST,
        statuses=None if status is None else (Status(status),),
        archived=_ARCHIVED[chosen.get("archived", "")],
        courier=courier,
        search=search or None,
    )
    return wanted, faults


ROUTES: Final = (list_trackings, add)
