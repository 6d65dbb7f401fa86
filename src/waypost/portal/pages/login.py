"""``/login`` and ``/logout``."""

import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.params import FromPath

from waypost.actions import sign_in as actions
from waypost.portal.drafts import carried
from waypost.portal.networks import MINUTE, TooMany
from waypost.portal.parts import GivenPages, Pages
from waypost.portal.rendering import go_to, html, page
from waypost.portal.requests import PageRequest
from waypost.portal.visits import DRAFT, SESSIONS_FROM, SINCE, USER, safe_path
from waypost.portal.waiting_room import Gone
from waypost.store.accounts import Login

_WRONG: Final = "Wrong e-mail or password."
_USED: Final = "This link has already been used or has expired. Ask for a new one, or sign in with your password."


@get("/login")
async def form(request: PageRequest) -> Response[bytes]:
    """Show the login form."""
    return _page(request, safe_path(request.query_params.get("next")))


@post("/login")
async def sign_in(request: PageRequest, pages: GivenPages) -> Response[bytes]:
    """Handle the login form: check the password and start a session."""
    given = await request.form()
    email, password = str(given.get("email", "")).strip(), str(given.get("password", ""))
    next_path = safe_path(str(given.get("next", "")))
    kept = carried(str(given.get("kept", "")))
    values: dict[str, Any] = {"email": email, "kept": kept}
    try:
        user = await pages.logins.by_password(email, password, request.address, gone=request.gone)
    except Gone:
        return html("", status=HTTPStatus.REQUEST_TIMEOUT, headers={})
    except TooMany as error:
        status, wait = HTTPStatus.TOO_MANY_REQUESTS, {"retry-after": str(math.ceil(error.seconds))}
        return _page(request, next_path, status=status, headers=wait, error=too_many(error), **values)
    if user is None:
        wrong = _page(request, next_path, status=HTTPStatus.UNPROCESSABLE_ENTITY, error=_WRONG, **values)
        # After the response, which must not take longer for an address that exists.
        wrong.background = BackgroundTask(_note_refusal, request, pages, email)
        return wrong
    await begin_visit(request, pages, user)
    if kept is not None:
        request.session[DRAFT] = kept
    await actions.note_sign_in(pages.context, user.id, request.address, by="password")
    return go_to(next_path)


@get("/login/{token:str}")
async def ask(request: PageRequest, token: FromPath[str]) -> Response[bytes]:
    """Ask for confirmation before signing in with a link (`waypost user login-link`).

    The link stays valid: mail scanners and chat previews open links before people do.
    """
    del token  # the form posts to its own page's URL, so the template does not need the token
    return page(request, "login_link.html", next_path=safe_path(request.query_params.get("next")))


@post("/login/{token:str}")
async def by_link(request: PageRequest, pages: GivenPages, token: FromPath[str]) -> Response[bytes]:
    """Start a session with a login link, which works once."""
    user = await pages.logins.by_link(token, request.address)
    if user is None:
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return _page(request, safe_path(None), status=status, error=_USED)
    await begin_visit(request, pages, user)
    await actions.note_sign_in(pages.context, user.id, request.address, by="link")
    return go_to(safe_path(str((await request.form()).get("next", ""))))


@post("/logout")
async def sign_out(request: PageRequest) -> Response[bytes]:
    """End the session and go to the login page."""
    request.clear_session()
    return go_to("/login")


def ask_again(request: PageRequest, before: str | None, draft: str) -> Response[bytes]:
    """Return the login page for a visitor whose form was sent too late; it carries the form on."""
    return _page(request, safe_path(before), status=HTTPStatus.UNAUTHORIZED, kept=draft)


def _page(
    request: PageRequest,
    next_path: str,
    *,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] = MappingProxyType({}),
    error: str | None = None,
    email: str = "",
    kept: str | None = None,
) -> Response[bytes]:
    return page(
        request,
        "login.html",
        status=status,
        headers=headers,
        next_path=next_path,
        error=error,
        email=email,
        kept=kept,
    )


def login_path(request: PageRequest, before: str | None) -> str:
    """Return the URL of the login page that leads back to the requested page, or to the one whose form was sent."""
    if request.method != "GET":
        return "/login" if before is None else f"/login?{urlencode({'next': before})}"
    query = request.scope["query_string"].decode("latin-1")
    wanted = safe_path(request.scope["path"] + (f"?{query}" if query else ""))
    return f"/login?{urlencode({'next': wanted})}"


def too_many(error: TooMany) -> str:
    """Return the message for a visitor who has tried too often."""
    minutes = math.ceil(error.seconds / MINUTE)
    wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
    return f"Too many attempts. Wait {wait}, then try again."


async def begin_visit(request: PageRequest, pages: Pages, user: Login) -> None:
    """Start a session for a user who has just authenticated."""
    values = {USER: user.id.hex, SINCE: int(time.time()), SESSIONS_FROM: user.sessions_from}
    await pages.sessions.begin(request, values)


async def _note_refusal(request: PageRequest, pages: Pages, email: str) -> None:
    """Record a wrong password in the audit log if a user has this address."""
    user = await pages.logins.find(email)
    if user is not None:
        await actions.note_refused_sign_in(pages.context, user.id, request.address)


ROUTES: Final = (form, sign_in, ask, by_link, sign_out)
