"""``/developer/webhooks/history``: the deliveries of the last 30 days."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get

from waypost.actions import deliveries
from waypost.actions.actor import Actor
from waypost.actions.lists import Listed, Page
from waypost.actions.refusals import Invalid
from waypost.domain import ids
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.statuses import SELECTABLE
from waypost.domain.times import read_rfc3339
from waypost.portal.form_errors import errors_by_field
from waypost.portal.pages.webhooks import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import json, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter
from waypost.portal.wording import endpoint_name
from waypost.store import endpoints

HISTORY: Final = PATH + "/history"
PAGE_SIZE: Final = 50
MOST_NEW: Final = 100
_FIELDS: Final = ("endpoint", "status", "state", "tracking_number", "since", "until", "test")
_TIME_LENGTH: Final = len("2026-03-04T13:20")
_TESTS: Final = {"only": "true", "none": "false"}


class New(msgspec.Struct, frozen=True):
    """The number of deliveries that the page does not show yet, up to ``MOST_NEW``."""

    count: int


@get(HISTORY)
async def history(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of deliveries that match the filters, newest first."""
    visitor = await enter(request, pages)
    chosen = _chosen(request)
    errors: dict[str, str] = {}
    try:
        found = await _find(pages, actor_of(request, visitor), chosen, request.query_params.get("cursor"), PAGE_SIZE)
    except Invalid as refusal:
        found, errors = Listed[deliveries.Delivery]([], None), errors_by_field(refusal)
    async with pages.context.database.serving.acquire() as session:
        rows = await endpoints.of_account_ever(session, visitor.account)
    return page(
        request,
        "history.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        recent=found.items,
        next_query=None if found.next_cursor is None else urlencode({**chosen, "cursor": found.next_cursor}),
        new_query=urlencode({**chosen, "after": found.items[0].id if found.items else ""}),
        most_new=MOST_NEW,
        first="cursor" not in request.query_params,
        chosen=chosen,
        errors=errors,
        urls={ids.to_text(ids.ENDPOINT, row.id): endpoint_name(row) for row in rows},
        states=[*Waiting, *Settled],
        statuses=SELECTABLE,
    )


@get(HISTORY + "/new")
async def new(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Count the deliveries created since the page was rendered, for the script."""
    visitor = await enter(request, pages)
    after = request.query_params.get("after", "")
    found = await _find(pages, actor_of(request, visitor), _chosen(request), None, MOST_NEW)
    return json(New(sum(one.id > after for one in found.items)))


async def _find(
    pages: Pages, actor: Actor, chosen: Mapping[str, str], cursor: str | None, limit: int
) -> Listed[deliveries.Delivery]:
    """Return a page of the deliveries that match the filters. Raise Invalid for an invalid filter."""
    query = {name: text for name, text in chosen.items() if name != "test"}
    if chosen.get("test") in _TESTS:
        query["test"] = _TESTS[chosen["test"]]
    for name in ("since", "until"):
        if name in query:
            query[name] = _utc(query[name])
    wanted = Page(limit, ids.from_text(ids.DELIVERY, cursor or ""))
    bounds, status = deliveries.read_delivery_filters(query, wanted)
    return await deliveries.find_page(pages.context, actor, bounds, status, wanted)


def _chosen(request: PageRequest) -> dict[str, str]:
    """Return the filters that are set."""
    given = {name: request.query_params.get(name, "").strip() for name in _FIELDS}
    return {name: text for name, text in given.items() if text}


def _utc(text: str) -> str:
    """Interpret a browser's ``2026-03-04T13:20`` as UTC."""
    if len(text) != _TIME_LENGTH or read_rfc3339(text + ":00Z") is None:
        return text
    return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()


ROUTES: Final = (history, new)
