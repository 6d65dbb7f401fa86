"""``/sources/connect``: choose a carrier, fill in its credentials, try them, and keep them."""

from collections.abc import Container
from http import HTTPStatus
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import connectable
from waypost.actions import connections as changes
from waypost.actions.connections import Probe
from waypost.actions.refusals import Busy, Conflict, Invalid
from waypost.portal.help.documentation import anchor_of
from waypost.portal.pages.connection_form import CarrierField, ConnectionForm, errors_of, read_form
from waypost.portal.pages.sources import PATH as SOURCES
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

PATH: Final = SOURCES + "/connect"
ONE: Final = PATH + "/{source:str}"
LONGEST_SEARCH: Final = 100
TEST: Final = "test"
SAVE_ANYWAY: Final = "save_anyway"
REFUSED: Final = "connection_refused"
"""The code of the conflict that keeping the credentials all the same gets around."""


@get(PATH)
async def choose(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the page of what can be connected; ``?search=`` keeps those whose name or courier contains a text."""
    visitor = await enter(request, pages)
    search = request.query_params.get("search", "").strip()[:LONGEST_SEARCH]
    return page(request, "connect.html", visitor, search=search, **_found(search, pages.context.codes))


def _found(search: str, offered: Container[str]) -> dict[str, Any]:
    return {"carriers": connectable.search(search, offered), "senders": connectable.search_senders(search)}


@get(ONE)
async def ask(request: PageRequest, pages: GivenPages, source: FromPath[str]) -> Response[bytes]:
    """Show the form for a carrier's credentials."""
    return _form(request, await enter(request, pages), source, ConnectionForm())


@post(ONE)
async def connect(request: PageRequest, pages: GivenPages, source: FromPath[str]) -> Response[bytes]:
    """Handle the form: test the credentials only, store them if they work, or store them untested."""
    visitor = await enter(request, pages)
    given = await request.form()
    fields = fields_of(source)
    form = read_form(given, fields, pages.context, visitor.account)
    wish = given.get("do")
    try:
        if wish == TEST:
            tried = await changes.probe(pages.context, actor_of(request, visitor), source, form.credentials)
            return _form(request, visitor, source, form, tried=tried)
        added = form.added(source, untested=wish == SAVE_ANYWAY)
        made = await changes.add(pages.context, actor_of(request, visitor), added)
    except (Invalid, Conflict, Busy) as refusal:
        refused = isinstance(refusal, Conflict) and refusal.code == REFUSED
        return _form(request, visitor, source, form, errors=errors_of(refusal, fields), refused=refused)
    notify(request, f"{made.name} is connected. Parcels of its couriers are polled from now on.")
    return go_to(f"{SOURCES}/{made.id}")


def fields_of(source: str) -> tuple[CarrierField, ...]:
    """Return the fields of a carrier's form. Raise NotFound."""
    return tuple(CarrierField(one.name, one.label, one.secret) for one in connectable.find_carrier(source).fields)


def guide_of(source: str) -> str:
    """Return the page of the documentation on a carrier's credentials. Raise NotFound."""
    carrier = connectable.find_carrier(source)
    return f"/help/{carrier.page}#{anchor_of(carrier.heading)}"


def _form(
    request: PageRequest,
    visitor: Visitor,
    source: str,
    form: ConnectionForm,
    *,
    errors: dict[str, str] | None = None,
    tried: Probe | None = None,
    refused: bool = False,
) -> Response[bytes]:
    shown: dict[str, Any] = {"form": form, "errors": errors or {}, "tried": tried, "refused": refused}
    return page(
        request,
        "connect_carrier.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        carrier=connectable.find_carrier(source),
        guide=guide_of(source),
        **shown,
    )


ROUTES: Final = (choose, ask, connect)
