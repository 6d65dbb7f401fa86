"""``/sources/connect-push/{source}``: connect a service that pushes, and get the address to paste there."""

from http import HTTPStatus
from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import connectable
from waypost.actions import connections as changes
from waypost.actions.refusals import Busy, Conflict, Invalid
from waypost.portal.help.documentation import anchor_of
from waypost.portal.pages.connection_form import CarrierField, ConnectionForm, errors_of, read_choices, read_form
from waypost.portal.pages.sources import PATH as SOURCES
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import actor_of, enter, notify
from waypost.store.accounts import Visitor

ONE: Final = SOURCES + "/connect-push/{source:str}"


@get(ONE)
async def ask(request: PageRequest, pages: GivenPages, source: FromPath[str]) -> Response[bytes]:
    """Show the form for the secrets that verify the pushes of a service."""
    visitor = await enter(request, pages)
    sender = connectable.find_sender(source)
    usual = {one.name: one.default for one in sender.choices}
    return _form(request, visitor, source, ConnectionForm(chosen=usual))


@post(ONE)
async def connect(request: PageRequest, pages: GivenPages, source: FromPath[str]) -> Response[bytes]:
    """Add the connection, and go to its page, which shows the address."""
    visitor = await enter(request, pages)
    form = await filled_in(request, pages, visitor, source)
    try:
        made = await changes.add(pages.context, actor_of(request, visitor), form.added(source, untested=True))
    except (Invalid, Conflict, Busy) as refusal:
        return _form(request, visitor, source, form, errors=errors_of(refusal, fields_of(source)))
    notify(request, f"{made.name} is connected. Paste the address below there.")
    return go_to(f"{SOURCES}/{made.id}?do=secret" if made.generated else f"{SOURCES}/{made.id}")


async def filled_in(request: PageRequest, pages: Pages, visitor: Visitor, source: str) -> ConnectionForm:
    """Return the values of the form for a service, with its settings."""
    given, sender = await request.form(), connectable.find_sender(source)
    form = read_form(given, fields_of(source), pages.context, visitor.account)
    names = [one.name for one in sender.choices], [one.name for one in sender.texts]
    return form.with_choices(read_choices(given, *names))


def fields_of(source: str) -> tuple[CarrierField, ...]:
    """Return the fields of a service. Raise NotFound."""
    return tuple(CarrierField(one.name, one.label, one.secret) for one in connectable.find_sender(source).fields)


def guide_of(source: str) -> str:
    """Return where the documentation describes a service. Raise NotFound."""
    return f"/help/reference/pushes#{anchor_of(connectable.find_sender(source).heading)}"


def _form(
    request: PageRequest, visitor: Visitor, source: str, form: ConnectionForm, *, errors: dict[str, str] | None = None
) -> Response[bytes]:
    return page(
        request,
        "connect_push.html",
        visitor,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        sender=connectable.find_sender(source),
        guide=guide_of(source),
        form=form,
        errors=errors or {},
    )


ROUTES: Final = (ask, connect)
