"""The visitor of a page, and what is remembered from page to page."""

import time
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from litestar.datastructures import FormMultiDict

from waypost.actions.actor import Actor
from waypost.domain import ids
from waypost.portal.drafts import OWNER, opened_draft, sealed_draft
from waypost.portal.parts import Pages
from waypost.portal.requests import TAKES_FILES, PageRequest
from waypost.portal.sessions import ABSOLUTE_SECONDS
from waypost.store.accounts import Visitor, find_visitor
from waypost.turns import give_way, note_account

USER: Final = "user"
SINCE: Final = "since"
SESSIONS_FROM: Final = "from"
NOTICE: Final = "notice"
HOME: Final = "/"
ACCOUNT: Final = "waypost.visited"
"""Where a request's state has the account whose pages it visits, for the log."""
TIME_ZONE: Final = "waypost.time_zone"
"""Where a request's state has the name of the time zone in which its pages show times."""

VISITOR: Final = "waypost.visitor"
"""Where a request's state has the visitor, so that an error page can show the navigation."""
AGAIN: Final = "again"
"""Whether the draft was sent in time: then the page has its own notice."""
DRAFT: Final = "draft"
"""Where a session has a form that was sent before signing in, sealed, and a request's state has it, opened."""


class NotLoggedIn(Exception):
    """The page requires signing in. ``page`` is the one whose form was sent, and ``draft`` the form, sealed."""

    def __init__(self, page: str | None = None, draft: str | None = None) -> None:
        super().__init__()
        self.page = page
        self.draft = draft


async def enter(request: PageRequest, pages: Pages) -> Visitor:
    """Return the visitor. Raise NotLoggedIn without a session, after 12 hours, or after a change of password."""
    session = request.session
    if USER not in session:
        raise await _signed_out(request, pages)
    async with pages.context.database.serving.acquire() as connection:
        visitor = await find_visitor(connection, UUID(hex=session[USER]))
    is_old = session.get(SINCE, 0) < time.time() - ABSOLUTE_SECONDS
    # Compared for equality: comparing the clocks of this process and the database would leave a gap.
    if is_old or visitor is None or session.get(SESSIONS_FROM) != visitor.sessions_from:
        request.clear_session()
        raise await _signed_out(request, pages)
    note_account(visitor.account)
    request.scope["state"][ACCOUNT] = ids.to_text(ids.ACCOUNT, visitor.account)
    request.scope["state"][TIME_ZONE] = visitor.time_zone
    request.scope["state"][VISITOR] = visitor
    _take_draft(request, pages, visitor)
    await give_way()
    return visitor


async def _signed_out(request: PageRequest, pages: Pages) -> NotLoggedIn:
    """Return the error for a visitor without a session, with what was typed into the form that was sent."""
    page = referring_page(request)
    if page is None:
        return NotLoggedIn()
    fields = [] if request.route_handler.opt.get(TAKES_FILES) else (await request.form()).multi_items()
    given = [(name, value) for name, value in fields if isinstance(value, str)]
    return NotLoggedIn(page, sealed_draft(pages.context.vault, page, request.scope["path"], given))


def _take_draft(request: PageRequest, pages: Pages, visitor: Visitor) -> None:
    """Take the draft of this page out of the session, and drop one of another account."""
    if request.method != "GET" or DRAFT not in request.session:
        return
    draft = opened_draft(pages.context.vault, request.session[DRAFT], visitor.account)
    if draft is None or draft.path == request.scope["path"]:
        del request.session[DRAFT]
        request.scope["state"][DRAFT] = draft
        request.scope["state"][AGAIN] = request.session.pop(AGAIN, False)


async def enter_if_signed_in(request: PageRequest, pages: Pages) -> Visitor | None:
    """Return who visits a page that is open to everybody; None for a visitor who is not signed in."""
    try:
        return await enter(request, pages)
    except NotLoggedIn:
        return None


def keep_form(request: PageRequest, pages: Pages, visitor: Visitor, page: str, form: FormMultiDict) -> None:
    """Have the page that follows show the form as it was sent, so that it can be changed and sent again."""
    given = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    draft = sealed_draft(pages.context.vault, page, request.scope["path"], [*given, (OWNER, visitor.account.hex)])
    if draft is not None:
        request.session[DRAFT] = draft
        request.session[AGAIN] = True


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
