"""Who visits a page, where from, and whether a form was sent from one of our own pages."""

import re
import time
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType, ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware.csrf import CSRFMiddleware
from litestar.types import ASGIApp, Guard, HTTPSendMessage, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from waypost.api.problems import Problem
from waypost.domain.addresses import IPAddress
from waypost.portal.pages import Pages
from waypost.portal.sessions import ABSOLUTE_SECONDS, may_carry_cookies
from waypost.store.accounts import Visitor, find_visitor

USER: Final = "user"
SINCE: Final = "since"
SESSIONS_FROM: Final = "from"
NOTICE: Final = "notice"
HOME: Final = "/developer/webhooks"
MOST_FIELDS: Final = 100
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Some proxies write the port behind the address.
_HOP: Final = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")

PageRequest = Request[Any, Any, Any]


class NotLoggedIn(Exception):  # noqa: N818 - reads as what is wrong
    """The page is for those who are logged in."""


async def enter(request: PageRequest, pages: Pages) -> Visitor:
    """Give who visits. Raises NotLoggedIn: no session, one older than 12 hours, or one before a change of password."""
    session = request.session
    if USER not in session:
        raise NotLoggedIn
    async with pages.parts.database.serving.acquire() as connection:
        visitor = await find_visitor(connection, UUID(hex=session[USER]))
    is_old = session.get(SINCE, 0) < time.time() - ABSOLUTE_SECONDS
    # Compared as they are: two clocks, of this process and of the database, would leave a moment open.
    if is_old or visitor is None or session.get(SESSIONS_FROM) != visitor.sessions_from:
        request.clear_session()
        raise NotLoggedIn
    return visitor


def notify(request: PageRequest, text: str) -> None:
    """Say something on the next page."""
    request.session[NOTICE] = text


def safe_path(text: str | None) -> str:
    """Give a path of this server to go on to; the first page for anything that may lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\", "/login")) or not text.isprintable():
        return HOME
    return text if text.isascii() else HOME


def address_of(request: PageRequest, pages: Pages) -> str:
    """Give the visitor's address: the nearest that no trusted proxy of ours vouches for."""
    client = request.client
    address = _plain(client.host) if client else ""
    # Of several headers, too: some proxies add one of their own below the one that the visitor sent.
    lines = request.headers.getall("x-forwarded-for", [])
    hops = [hop.strip() for line in lines for hop in line.split(",") if hop.strip()]
    while hops and _is_trusted(address, pages):
        address = _plain(hops.pop())
    return address


def _plain(text: str) -> str:
    """Give an address as it is always written, IPv4 in IPv6 as IPv4; what is none stays as it is."""
    found = _HOP.fullmatch(text)
    address = _address(found["v6"] or found["v4"] or "" if found else text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return text if address is None else str(address)


def _is_trusted(text: str, pages: Pages) -> bool:
    address = _address(text)
    return address is not None and any(
        address.version == network.version and address in network for network in pages.trusted_proxies
    )


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def only_our_forms(pages: Pages) -> Guard:
    """Let only our own pages send forms: what a browser says of where a request came from must be us.

    Beside the token that every form carries (Litestar's); programs that say neither are left to that.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") in _SAFE_METHODS:
            return
        site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
        host = connection.headers.get("host", "")
        ours = origin is None or origin == pages.origin or _is_here(origin, host, secure=pages.secure)
        if site not in (None, "same-origin", "none") or not ours:
            raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "This form was sent from another site: nothing was done.")

    return guard


def _is_here(origin: str, host: str, *, secure: bool) -> bool:
    """Tell whether an origin is the host that was asked; over TLS, where pages are."""
    scheme, _, place = origin.partition("://")
    return bool(place) and place == host and (scheme == "https" or not secure)


class FormTokens(CSRFMiddleware):
    """As Litestar's, but a cookie that is not ours is no cookie, rather than one that no form will ever fit."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the token of a form, or give one to the page."""
        cookies, name = ASGIConnection[Any, Any, Any, Any](scope).cookies, self.config.cookie_name
        if name in cookies and self._decode_csrf_token(cookies[name]) is None:
            del cookies[name]
        await super().__call__(scope, receive, send)

    def _decode_csrf_token(self, token: str) -> str | None:
        return super()._decode_csrf_token(token) if token.isascii() else None

    def _set_cookie_if_needed(self, message: HTTPSendMessage, token: str) -> None:
        if may_carry_cookies(message):
            super()._set_cookie_if_needed(message, token)


def reading(app: ASGIApp) -> ASGIApp:
    """Read cookies, query and form of a request here, and keep them no longer than it.

    Litestar's own readers remember the last thousand of each: passwords among them, and 16 MB for a form of 1 MiB.
    """

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            request: PageRequest = Request(scope, receive)
            state = ScopeState.from_scope(scope)
            state.cookies = _cookies(request.headers.get("cookie", ""))
            state.parsed_query = tuple(_pairs(scope["query_string"]))
            if request.method not in _SAFE_METHODS:
                state.form = await _form(request)
        await app(scope, receive, send)

    return read


def _cookies(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


async def _form(request: PageRequest) -> dict[str, Any]:
    """Read a form as browsers send ours; anything else, files too, is one without fields."""
    content_type, _ = request.content_type
    if content_type != RequestEncodingType.URL_ENCODED:
        return {}
    fields: dict[str, list[str]] = {}
    for name, value in _pairs(await request.body()):
        fields.setdefault(name, []).append(value)
    return dict(fields)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        message = f"There are more than {MOST_FIELDS} fields, which no page of ours asks for."
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_request", message) from None
