"""``/sources/{connection}``: one connection, how it does, and everything that is done with it.

Each action is a dialog of this one page: ``?do=update`` and so on open it, with script or without.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import connectable
from waypost.actions import connections as changes
from waypost.actions.actor import Actor
from waypost.actions.connection_health import Connection
from waypost.actions.connections import ConnectionChange, Probe
from waypost.actions.refusals import Busy, Conflict, Invalid, present
from waypost.portal.pages.connect import REFUSED, SAVE_ANYWAY, TEST, fields_of, guide_of
from waypost.portal.pages.connection_form import ConnectionForm, errors_of, read_form
from waypost.portal.pages.sources import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

ONE: Final = PATH + "/{connection_id:str}"
DIALOGS: Final = ("update", "credentials", "disable", "delete")


@get(ONE)
async def show(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Show the connection, with the dialog that is asked for open."""
    visitor = await enter(request, pages)
    asked = request.query_params.get("do")
    return await _page(request, pages, visitor, connection_id, dialog=asked if asked in DIALOGS else None)


@post(ONE + "/update")
async def update(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Rename the connection, and say what its carrier granted."""
    visitor = await enter(request, pages)
    form = read_form(await request.form(), (), pages.context, visitor.account)
    try:
        await _change(
            pages, actor_of(request, visitor), connection_id, ConnectionChange(form.name, settings=form.settings)
        )
    except (Invalid, Conflict) as refusal:
        errors = errors_of(refusal, ())
        return await _page(request, pages, visitor, connection_id, dialog="update", form=form, errors=errors)
    notify(request, "Connection updated.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/credentials")
async def replace(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Try new credentials, and let them replace the old ones if they work, or whether or not they do."""
    visitor = await enter(request, pages)
    actor, given = actor_of(request, visitor), await request.form()
    found = await changes.find(pages.context, actor, changes.read_id(connection_id))
    fields, wish = fields_of(found.source), given.get("do")
    form = read_form(given, fields, pages.context, visitor.account)
    try:
        if wish == TEST:
            tried = await changes.probe(pages.context, actor, found.source, form.credentials)
            shown: dict[str, Any] = {"form": form, "tried": tried}
            return await _page(request, pages, visitor, connection_id, dialog="credentials", **shown)
        await _change(pages, actor, connection_id, form.replaced(untested=wish == SAVE_ANYWAY))
    except (Invalid, Conflict, Busy) as refusal:
        refused = isinstance(refusal, Conflict) and refusal.code == REFUSED
        shown = {"form": form, "errors": errors_of(refusal, fields), "refused": refused}
        return await _page(request, pages, visitor, connection_id, dialog="credentials", **shown)
    notify(request, "Credentials replaced. The connection uses the new ones now.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/test")
async def test(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Try the credentials that are kept, and say what the carrier answered."""
    visitor = await enter(request, pages)
    tested = await changes.test_credentials(pages.context, actor_of(request, visitor), changes.read_id(connection_id))
    return await _page(request, pages, visitor, connection_id, tested=tested)


@post(ONE + "/disable")
async def disable(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Ask its carrier no more."""
    visitor = await enter(request, pages)
    await _change(pages, actor_of(request, visitor), connection_id, ConnectionChange(enabled=False))
    notify(request, "Connection disabled.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/enable")
async def enable(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Ask its carrier again."""
    visitor = await enter(request, pages)
    await _change(pages, actor_of(request, visitor), connection_id, ConnectionChange(enabled=True))
    notify(request, "Connection enabled.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/delete")
async def delete(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Delete the connection with its credentials, and go back to the list."""
    visitor = await enter(request, pages)
    await changes.delete(pages.context, actor_of(request, visitor), changes.read_id(connection_id))
    notify(request, "Connection and credentials deleted.")
    return go_to(PATH)


async def _change(pages: Pages, actor: Actor, connection_id: str, body: ConnectionChange) -> None:
    await changes.change(pages.context, actor, changes.read_id(connection_id), body)


async def _page(
    request: PageRequest,
    pages: Pages,
    visitor: Visitor,
    connection_id: str,
    *,
    dialog: str | None = None,
    form: ConnectionForm | None = None,
    errors: dict[str, str] | None = None,
    tried: Probe | None = None,
    tested: Probe | None = None,
    refused: bool = False,
) -> Response[bytes]:
    every = await changes.list_connections(pages.context, actor_of(request, visitor))
    shown = present(next((one for one in every if one.id == connection_id), None))
    carrier = connectable.known(shown.source)
    return page(
        request,
        "connection.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        connection=shown,
        carrier=carrier,
        guide=None if carrier is None else guide_of(shown.source),
        others=_others(shown, every),
        dialog=None if shown.shared else dialog,
        form=form or _as_it_is(shown),
        errors=errors or {},
        tried=tried,
        tested=tested,
        refused=refused,
    )


def _as_it_is(shown: Connection) -> ConnectionForm:
    settings = shown.settings
    return ConnectionForm(
        name=shown.name,
        daily_calls=settings.get("daily_calls", ""),
        calls_per_second=settings.get("calls_per_second", ""),
    )


def _others(shown: Connection, every: Sequence[Connection]) -> list[Connection]:
    """Return the connections that could answer for parcels of this one, if it did not."""
    codes = set(shown.courier_codes)
    return [one for one in every if one.id != shown.id and one.enabled and codes & set(one.courier_codes)]


ROUTES: Final = (show, update, replace, test, disable, enable, delete)
