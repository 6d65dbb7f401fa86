"""``/password`` and ``/address``: lost passwords, and the links that mail contains.

Opening a link changes nothing, since mail scanners open links before people do; its form does, by POST.
"""

from http import HTTPStatus
from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from waypost.actions import mail_links as actions
from waypost.actions import sign_in
from waypost.actions.refusals import Invalid, NotFound, checking
from waypost.domain.accounts import check_password
from waypost.portal.form_errors import errors_by_field
from waypost.portal.networks import TooMany
from waypost.portal.pages.login import begin_visit, too_many
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import notify

LOST: Final = "/password/lost"


@get(LOST)
async def ask_for_link(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Show the form for a lost password."""
    return _lost(request, pages)


@post(LOST)
async def mail_link(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Mail a link if a user has this address. The response is the same, and as fast, for any address."""
    if pages.context.mailing is None:
        return _lost(request, pages, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    email = str((await request.form()).get("email", "")).strip()
    try:
        pages.logins.count_request(request.address)
    except TooMany as error:
        return _lost(request, pages, status=HTTPStatus.TOO_MANY_REQUESTS, error=too_many(error))
    await actions.ask_for_password(pages.context, email)
    return _lost(request, pages, sent=True)


@get("/password/{token:str}")
async def show_password_form(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Show the form for a new password, if the link works."""
    return await _password(request, pages, token)


@post("/password/{token:str}")
async def choose_password(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Set the new password, end all sessions and start one here."""
    try:
        await actions.find(pages.context, token, confirms_address=False)
        with checking():
            password = check_password(str((await request.form()).get("password", "")))
        hashed = await pages.logins.hash(password, request.address)
        email = await actions.choose_password(pages.context, token, hashed, address=request.address)
    except NotFound:
        return _broken(request)
    except Invalid as refusal:
        return await _password(request, pages, token, errors=errors_by_field(refusal))
    except TooMany as error:
        return await _password(request, pages, token, errors={"password": too_many(error)})
    user = await pages.logins.find(email)
    if user is None:
        return _broken(request)
    await begin_visit(request, pages, user)
    await sign_in.note_sign_in(pages.context, user.id, request.address, by="link")
    notify(request, "Password chosen. You are signed out everywhere else.")
    return go_to("/")


@get("/address/{token:str}")
async def show_address(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Ask for confirmation of a new address, if the link works."""
    try:
        link = await actions.find(pages.context, token, confirms_address=True)
    except NotFound:
        return _broken(request)
    return page(request, "confirm_address.html", link=link, errors={})


@post("/address/{token:str}")
async def confirm_address(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Change the address that the link's user signs in with."""
    try:
        link = await actions.find(pages.context, token, confirms_address=True)
        await actions.confirm_address(pages.context, token, address=request.address)
    except NotFound:
        return _broken(request)
    except Invalid as refusal:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return page(request, "confirm_address.html", status=status, link=link, errors=errors_by_field(refusal))
    notify(request, f"You sign in with {link.new_email} from now on.")
    return go_to("/")


def _lost(
    request: PageRequest, pages: Pages, *, status: int = HTTPStatus.OK, error: str | None = None, sent: bool = False
) -> Response[bytes]:
    can_mail = pages.context.mailing is not None
    return page(request, "lost_password.html", status=status, can_mail=can_mail, error=error, sent=sent)


async def _password(
    request: PageRequest, pages: Pages, token: str, *, errors: dict[str, str] | None = None
) -> Response[bytes]:
    try:
        link = await actions.find(pages.context, token, confirms_address=False)
    except NotFound:
        return _broken(request)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK
    return page(request, "choose_password.html", status=status, email=link.user_email, errors=errors or {})


def _broken(request: PageRequest) -> Response[bytes]:
    return page(request, "broken_link.html", status=HTTPStatus.NOT_FOUND)


ROUTES: Final = (ask_for_link, mail_link, show_password_form, choose_password, show_address, confirm_address)
