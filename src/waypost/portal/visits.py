"""Who visits a page, and what is remembered of the visit."""

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
"""Where a request's state tells whose pages it visits, for the log."""


class NotLoggedIn(Exception):
    """The page is for those who are logged in."""


async def enter(request: PageRequest, pages: Pages) -> Visitor:
    """Give who visits. Raises NotLoggedIn: no session, one older than 12 hours, or one before a change of password."""
    session = request.session
    if USER not in session:
        raise NotLoggedIn
    async with pages.context.database.serving.acquire() as connection:
        visitor = await find_visitor(connection, UUID(hex=session[USER]))
    is_old = session.get(SINCE, 0) < time.time() - ABSOLUTE_SECONDS
    # Compared as they are: two clocks, of this process and of the database, would leave a moment open.
    if is_old or visitor is None or session.get(SESSIONS_FROM) != visitor.sessions_from:
        request.clear_session()
        raise NotLoggedIn
    request.scope["state"][ACCOUNT] = ids.to_text(ids.ACCOUNT, visitor.account)
    return visitor


def actor_of(request: PageRequest, visitor: Visitor) -> Actor:
    """Return who acts, for actions and the audit log."""
    return Actor(visitor.account, visitor.email, request.address)


def notify(request: PageRequest, text: str) -> None:
    """Say something on the next page."""
    request.session[NOTICE] = text


def page_before(request: PageRequest) -> str | None:
    """Give the page of ours that a form was sent from, as the browser says; None where it does not say."""
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
    """Give a path of this server to go on to; the first page for anything that may lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\", "/login")) or not text.isprintable():
        return HOME
    return text if text.isascii() else HOME
