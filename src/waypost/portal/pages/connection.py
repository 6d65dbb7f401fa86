"""``/sources/{connection}``: one connection, how it does, and everything that is done with it.

Each action is a dialog of this one page: ``?do=update`` and so on open it, with script or without.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import connectable, push_connections
from waypost.actions import connections as changes
from waypost.actions.actor import Actor
from waypost.actions.connection_health import Connection
from waypost.actions.connections import ConnectionChange, Probe
from waypost.actions.refusals import Busy, Conflict, Invalid, present
from waypost.portal.pages.connect import REFUSED, SAVE_ANYWAY, TEST, fields_of, guide_of
from waypost.portal.pages.connect_push import guide_of as push_guide_of
from waypost.portal.pages.connection_form import ConnectionForm, errors_of, read_form
from waypost.portal.pages.connection_versions import (
    reject_other_credentials,
    reject_other_details,
    version_of_credentials,
    version_of_details,
)
from waypost.portal.pages.sources import PATH
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

ONE: Final = PATH + "/{connection_id:str}"
DIALOGS: Final = ("update", "credentials", "address", "disable", "delete")
SECRET: Final = "secret"  # noqa: S105 - the name of a part of the page


@get(ONE)
async def show(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Show the page of a connection, with the requested dialog open."""
    visitor = await enter(request, pages)
    asked = request.query_params.get("do")
    dialog = asked if asked in DIALOGS else None
    return await show_connection(request, pages, visitor, connection_id, dialog=dialog, reveals=asked == SECRET)


@post(ONE + "/update")
async def update(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: rename the connection, and set the calls that its carrier granted."""
    visitor = await enter(request, pages)
    form = read_form(await request.form(), (), pages.context, visitor.account)
    actor = actor_of(request, visitor)
    try:
        reject_other_details(form.seen, await changes.find(pages.context, actor, changes.read_id(connection_id)))
        await _change(pages, actor, connection_id, ConnectionChange(form.name, settings=form.settings))
    except (Invalid, Conflict) as refusal:
        errors = errors_of(refusal, ())
        return await show_connection(request, pages, visitor, connection_id, dialog="update", form=form, errors=errors)
    notify(request, "Connection updated.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/credentials")
async def replace(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: replace the credentials if new ones work, or untested."""
    visitor = await enter(request, pages)
    actor, given = actor_of(request, visitor), await request.form()
    found = await changes.find(pages.context, actor, changes.read_id(connection_id))
    fields, wish = fields_of(found.source), given.get("do")
    form = read_form(given, fields, pages.context, visitor.account)
    try:
        reject_other_credentials(form.seen, await changes.own(pages.context, actor, changes.read_id(connection_id)))
        if wish == TEST:
            tried = await changes.probe(pages.context, actor, found.source, form.credentials)
            shown: dict[str, Any] = {"form": form, "tried": tried}
            return await show_connection(request, pages, visitor, connection_id, dialog="credentials", **shown)
        await _change(pages, actor, connection_id, form.replaced(untested=wish == SAVE_ANYWAY))
    except (Invalid, Conflict, Busy) as refusal:
        refused = isinstance(refusal, Conflict) and refusal.code == REFUSED
        shown = {"form": form, "errors": errors_of(refusal, fields), "refused": refused}
        return await show_connection(request, pages, visitor, connection_id, dialog="credentials", **shown)
    notify(request, "Credentials replaced. The connection uses the new ones now.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/test")
async def test(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Test the stored credentials, and show the carrier's response on the page."""
    visitor = await enter(request, pages)
    tested = await changes.test_credentials(pages.context, actor_of(request, visitor), changes.read_id(connection_id))
    return await show_connection(request, pages, visitor, connection_id, tested=tested)


@post(ONE + "/disable")
async def disable(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Disable the connection, so that its carrier is no longer polled, and go back to the page."""
    visitor = await enter(request, pages)
    await _change(pages, actor_of(request, visitor), connection_id, ConnectionChange(enabled=False))
    notify(request, "Connection disabled.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/enable")
async def enable(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Enable the connection, so that its carrier is polled again, and go back to the page."""
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


async def show_connection(
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
    reveals: bool = False,
) -> Response[bytes]:
    """Return the page of a connection; ``reveals`` shows the secrets to paste at a service. Raise NotFound."""
    every = await changes.list_connections(pages.context, actor_of(request, visitor))
    shown = present(next((one for one in every if one.id == connection_id), None))
    found = connectable.known(shown.source)
    carrier = None if push_connections.sender_of(shown) is not None else found
    pushed = await _pushed(request, pages, visitor, shown, reveals=reveals)
    return page(
        request,
        "connection.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        connection=shown,
        shows_secret=reveals or shown.inbound_url is not None,
        carrier=carrier,
        **pushed,
        others=_others(shown, every),
        dialog=None if shown.shared else dialog,
        form=form or _as_it_is(shown),
        versions={} if shown.shared else await _versions(pages, actor_of(request, visitor), shown),
        errors=errors or {},
        tried=tried,
        tested=tested,
        refused=refused,
    )


async def _versions(pages: Pages, actor: Actor, shown: Connection) -> dict[str, str]:
    """Return the versions of the forms whose values somebody else may change at the same time."""
    row = await changes.own(pages.context, actor, changes.read_id(shown.id))
    return {"update": version_of_details(shown), "credentials": version_of_credentials(row)}


async def _pushed(
    request: PageRequest, pages: Pages, visitor: Visitor, shown: Connection, *, reveals: bool
) -> dict[str, Any]:
    """Return what the page shows of a connection that is pushed to."""
    sender = push_connections.sender_of(shown)
    if sender is None:
        known = connectable.known(shown.source) is not None
        return {"sender": None, "guide": guide_of(shown.source) if known else None}
    actor, connection = actor_of(request, visitor), changes.read_id(shown.id)
    revealed = await push_connections.reveal_secrets(pages.context, actor, connection) if reveals else {}
    return {
        "sender": sender,
        "guide": push_guide_of(shown.source),
        "address": _complete(request, pages, shown.inbound_url or ""),
        "calls": await push_connections.latest_calls(pages.context, actor, connection),
        "revealed": revealed,
    }


def _complete(request: PageRequest, pages: Pages, address: str) -> str:
    """Return an address with the host under which this page was asked for, if PUBLIC_URL is not set."""
    if not address.startswith("/"):
        return address
    scheme = "https" if pages.secure else "http"
    return f"{scheme}://{request.headers.get('host', '')}{address}"


def _as_it_is(shown: Connection) -> ConnectionForm:
    settings = shown.settings
    if shown.inbound_url is not None:
        return ConnectionForm(name=shown.name, chosen=settings)
    return ConnectionForm(
        name=shown.name,
        daily_calls=settings.get("daily_calls", ""),
        calls_per_second=settings.get("calls_per_second", ""),
    )


def _others(shown: Connection, every: Sequence[Connection]) -> list[Connection]:
    """Return the connections that could take over parcels of this one."""
    codes = set(shown.courier_codes)
    return [one for one in every if one.id != shown.id and one.enabled and codes & set(one.courier_codes)]


ROUTES: Final = (show, update, replace, test, disable, enable, delete)
