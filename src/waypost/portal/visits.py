"""The visitor of a page, and what is remembered from page to page."""

import time
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from waypost.actions.actor import Actor
from waypost.domain import ids
from waypost.portal.parts import Pages
from waypost.portal.requests import PageRequest
from waypost.portal.sessions import ABSOLUTE_SECONDS
from waypost.store.accounts import Visitor, find_visitor

USER: Final = "user"
SINCE: Final = "since"
SESSIONS_FROM: Final = "from"
NOTICE: Final = "notice"
HOME: Final = "/"
ACCOUNT: Final = "waypost.visited"
"""Where a request's state has the account whose pages it visits, for the log."""
TIME_ZONE: Final = "waypost.time_zone"
"""Where a request's state has the name of the time zone in which its pages show times."""


class NotLoggedIn(Exception):
    """The page requires signing in."""


async def enter(request: PageRequest, pages: Pages) -> Visitor:
    """Return the visitor. Raise NotLoggedIn without a session, after 12 hours, or after a change of password."""
    session = request.session
    if USER not in session:
        raise NotLoggedIn
    async with pages.context.database.serving.acquire() as connection:
        visitor = await find_visitor(connection, UUID(hex=session[USER]))
    is_old = session.get(SINCE, 0) < time.time() - ABSOLUTE_SECONDS
    # Compared for equality: comparing the clocks of this process and the database would leave a gap.
    if is_old or visitor is None or session.get(SESSIONS_FROM) != visitor.sessions_from:
        request.clear_session()
        raise NotLoggedIn
    request.scope["state"][ACCOUNT] = ids.to_text(ids.ACCOUNT, visitor.account)
    request.scope["state"][TIME_ZONE] = visitor.time_zone
    return visitor


async def enter_if_signed_in(request: PageRequest, pages: Pages) -> Visitor | None:
    """Return who visits a page that is open to everybody; None for a visitor who is not signed in."""
    try:
        return await enter(request, pages)
    except NotLoggedIn:
        return None


def actor_of(request: PageRequest, visitor: Visitor) -> Actor:
    """Return the visitor as an actor, for actions and the audit log."""
    return Actor(visitor.account, visitor.email, request.address)


def notify(request: PageRequest, text: str) -> None:
    """Show a notice on the next page."""
    request.session[NOTICE] = text


def referring_page(request: PageRequest) -> str | None:
    """Return the page of ours that sent a form, by the Referer header, or None if the header does not name one."""
    if request.method != "POST" or "session" not in request.scope:
        return None
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return None
    if not before.netloc or before.netloc != request.headers.get("host"):
        return None
    return safe_path(f"{before.path}?{before.query}" if before.query else before.path)


def safe_path(text: str | None) -> str:
    """Return ``text`` if it is a path on this server, or the home page if it could lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\", "/login")) or not text.isprintable():
        return HOME
    return text if text.isascii() else HOME
