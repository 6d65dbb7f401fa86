"""``/sources/{connection}/…``: what is done with a connection that a service pushes to, from its page."""

from functools import partial
from typing import Final

from litestar import Response, post
from litestar.params import FromPath

from waypost.actions import connections as changes
from waypost.actions import push_connections
from waypost.actions.connections import ConnectionChange
from waypost.actions.refusals import Conflict, Invalid
from waypost.portal.pages.connect_push import fields_of, filled_in
from waypost.portal.pages.connection import ONE, SECRET, show_connection
from waypost.portal.pages.connection_form import errors_of
from waypost.portal.pages.connection_versions import reject_other_credentials, reject_other_details
from waypost.portal.pages.sources import PATH
from waypost.portal.parts import GivenPages
from waypost.portal.rendering import go_to
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify


@post(ONE + "/choices")
async def choose(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: rename the connection, and set how its pushes are handled."""
    visitor = await enter(request, pages)
    actor, connection = actor_of(request, visitor), changes.read_id(connection_id)
    found = await changes.find(pages.context, actor, connection)
    form = await filled_in(request, pages, visitor, found.source)
    fail = partial(show_connection, request, pages, visitor, connection_id, dialog="update", form=form)
    try:
        reject_other_details(form.seen, found)
        await changes.change(pages.context, actor, connection, ConnectionChange(form.name, settings=form.settings))
    except (Invalid, Conflict) as refusal:
        return await fail(errors=errors_of(refusal, fields_of(found.source)))
    notify(request, "Connection updated.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/secrets")
async def replace_secrets(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Handle the form: replace the secrets that verify pushes."""
    visitor = await enter(request, pages)
    actor, connection = actor_of(request, visitor), changes.read_id(connection_id)
    found = await changes.find(pages.context, actor, connection)
    form = await filled_in(request, pages, visitor, found.source)
    try:
        reject_other_credentials(form.seen, await changes.own(pages.context, actor, connection))
        changed = await changes.change(pages.context, actor, connection, form.replaced(untested=True))
    except (Invalid, Conflict) as refusal:
        errors = errors_of(refusal, fields_of(found.source))
        return await show_connection(
            request, pages, visitor, connection_id, dialog="credentials", form=form, errors=errors
        )
    notify(request, "Credentials replaced.")
    return go_to(f"{PATH}/{connection_id}?do={SECRET}" if changed.generated else f"{PATH}/{connection_id}")


@post(ONE + "/address")
async def replace_address(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Create a new address for the connection, and go back to its page."""
    visitor = await enter(request, pages)
    at_once = (await request.form()).get("at_once") == "yes"
    connection = changes.read_id(connection_id)
    await push_connections.replace_address(pages.context, actor_of(request, visitor), connection, at_once=at_once)
    notify(request, "Address replaced. Paste the new one at the service.")
    return go_to(f"{PATH}/{connection_id}")


@post(ONE + "/read-again")
async def read_again(request: PageRequest, pages: GivenPages, connection_id: FromPath[str]) -> Response[bytes]:
    """Read the unread pushes again, and go back to the page."""
    visitor = await enter(request, pages)
    connection = changes.read_id(connection_id)
    again = await push_connections.read_again(pages.context, actor_of(request, visitor), connection)
    notify(request, f"{again.pushes:,} {'push is' if again.pushes == 1 else 'pushes are'} read again.")
    return go_to(f"{PATH}/{connection_id}")


ROUTES: Final = (choose, replace_secrets, replace_address, read_again)
