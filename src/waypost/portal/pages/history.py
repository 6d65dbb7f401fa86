"""``/developer/webhooks/history``: search the deliveries of the last 30 days, and export them."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.response import Stream

from waypost.actions import bulk_actions
from waypost.actions.actor import Actor
from waypost.actions.history import HistoryPage, Search, find_entries, read_filter
from waypost.actions.history_csv import export as exported
from waypost.actions.refusals import Invalid
from waypost.domain import ids
from waypost.domain.bulk_actions import BulkState
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.history import HistoryFilter
from waypost.domain.statuses import SELECTABLE
from waypost.portal.form_errors import errors_by_field
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import ALWAYS, absolute_time, json, page_in_turns
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.portal.wording import STATES, endpoint_name
from waypost.store import endpoints
from waypost.store.history import MOST_PARCELS

HISTORY: Final = PATH + "/history"
PAGE_SIZE: Final = 50
MOST_NEW: Final = 100
SHOWN_FOR: Final = timedelta(hours=1)
"""How long the page shows a bulk action that has ended."""
_FIELDS: Final = ("search", "endpoint", "status", "state", "answered", "since", "until", "test")


class New(msgspec.Struct, frozen=True):
    """The number of deliveries that the page does not show yet, up to ``MOST_NEW``."""

    count: int


@get(HISTORY)
async def history(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of deliveries that match the filters, newest first."""
    visitor = await enter(request, pages)
    actor, chosen = actor_of(request, visitor), chosen_filters(request.query_params)
    found, search, errors = HistoryPage([], None), Search(HistoryFilter()), dict[str, str]()
    try:
        search = await searched(request, pages, actor, chosen)
        found = await find_entries(pages.context, actor, search.wanted, request.query_params.get("cursor"), PAGE_SIZE)
    except Invalid as refusal:
        errors = errors_by_field(refusal)
    return await page_in_turns(
        request,
        "history.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        found=found.items,
        next_query=None if found.next_cursor is None else urlencode({**chosen, "cursor": found.next_cursor}),
        new_query=urlencode({**chosen, "after": found.items[0].delivery.id if found.items else ""}),
        query=query_of(chosen),
        **await _bulk(request, pages, actor),
        most_new=MOST_NEW,
        most_parcels=MOST_PARCELS,
        is_cut=search.is_cut,
        first="cursor" not in request.query_params,
        chosen={name: chosen.get(name, "") for name in _FIELDS},
        filtered=bool(chosen),
        errors=errors,
        urls=await endpoint_names(pages, actor),
        states=[(state, STATES[state][0]) for state in (*Waiting, *Settled)],
        statuses=[(status, status.label) for status in SELECTABLE],
    )


@get(HISTORY + "/new")
async def new(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Count the deliveries created since the page was rendered, for the script."""
    actor = actor_of(request, await enter(request, pages))
    after = request.query_params.get("after", "")
    search = await searched(request, pages, actor, chosen_filters(request.query_params))
    found = await find_entries(pages.context, actor, search.wanted, None, MOST_NEW)
    return json(New(sum(one.delivery.id > after for one in found.items)))


@get(HISTORY + "/export.csv")
async def export(request: PageRequest, pages: GivenPages) -> Stream:
    """Stream the deliveries that match the filters to the browser as a CSV file."""
    actor = actor_of(request, await enter(request, pages))
    search = await searched(request, pages, actor, chosen_filters(request.query_params))
    names = await endpoint_names(pages, actor)
    return Stream(
        _exported(pages, actor, search.wanted, names),
        media_type="text/csv",
        headers={**ALWAYS, "content-disposition": 'attachment; filename="webhook-history.csv"'},
    )


async def _exported(
    pages: Pages, actor: Actor, wanted: HistoryFilter, names: Mapping[str, str]
) -> AsyncIterator[bytes]:
    """Yield the file, unless the account already has two exports running."""
    async with pages.context.rooms.exports.hold(actor.account):
        async for piece in exported(pages.context, actor, wanted, names):
            yield piece


async def searched(request: PageRequest, pages: Pages, actor: Actor, chosen: Mapping[str, str]) -> Search:
    """Return the filter of the chosen fields, whose times are the visitor's. Raise Invalid with all errors."""
    times = {name: absolute_time(request, chosen[name]) for name in ("since", "until") if name in chosen}
    return await read_filter(pages.context, actor, {**chosen, **times})


def chosen_filters(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the filters that are set in a page's address or in a form."""
    given = {name: str(fields.get(name, "")).strip() for name in _FIELDS}
    given["search"] = given["search"] or str(fields.get("tracking_number", "")).strip()
    return {name: text for name, text in given.items() if text}


def query_of(chosen: Mapping[str, str]) -> str:
    """Return filters as an address has them: ``?state=failed``, or nothing."""
    return f"?{urlencode(chosen)}" if chosen else ""


async def _bulk(request: PageRequest, pages: Pages, actor: Actor) -> dict[str, Any]:
    """Return what the page shows of bulk actions: the one that was just counted, and the progress of one that runs."""
    row = await bulk_actions.latest(pages.context, actor)
    name = None if row is None else ids.to_text(ids.BULK_ACTION, row.id)
    is_asked = name is not None and name == request.query_params.get("bulk")
    counted = row is not None and row.state in (BulkState.COUNTING, BulkState.COUNTED)
    ended = None if row is None else row.finished_at
    shown = row is not None and not counted and (ended is None or datetime.now(UTC) - ended < SHOWN_FOR)
    return {"bulk": row, "bulk_id": name, "asking": is_asked and counted, "bulk_shown": shown}


async def endpoint_names(pages: Pages, actor: Actor) -> dict[str, str]:
    """Return the names of the account's endpoints by their ids, deleted ones too."""
    async with pages.context.database.serving.acquire() as session:
        rows = await endpoints.of_account_ever(session, actor.account)
    return {ids.to_text(ids.ENDPOINT, row.id): endpoint_name(row) for row in rows}


ROUTES: Final = (history, new, export)
