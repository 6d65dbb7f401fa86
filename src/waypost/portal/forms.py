"""What browsers send with a request: read here, and of forms only those that our own pages sent."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.enums import RequestEncodingType, ScopeType
from litestar.handlers import BaseRouteHandler
from litestar.middleware.csrf import CSRFMiddleware
from litestar.types import ASGIApp, Guard, HTTPSendMessage, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from waypost.api.problems import Problem
from waypost.portal.parts import Pages
from waypost.portal.sessions import may_carry_cookies
from waypost.portal.visits import PageRequest, enter

MOST_FIELDS: Final = 100
TAKES_FILES: Final = "takes_files"
"""The option of a route whose form has files."""

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


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
    """Read cookies and query of a request here, and keep them no longer than it, as ``reading_forms`` its form.

    Litestar's own readers remember the last thousand of each: passwords among them, and 16 MB for a form of 1 MiB.
    """

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            state = ScopeState.from_scope(scope)
            state.cookies = _cookies(Request[Any, Any, Any](scope).headers.get("cookie", ""))
            state.parsed_query = tuple(_pairs(scope["query_string"]))
        await app(scope, receive, send)

    return read


def reading_forms(pages: Pages) -> Callable[[ASGIApp], ASGIApp]:
    """Read the form of a request, within its session: files are taken from those only who are logged in."""

    def reading_form(app: ASGIApp) -> ASGIApp:
        async def read(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP and scope["method"] not in _SAFE_METHODS:
                request: PageRequest = Request(scope, receive)
                if request.route_handler.opt.get(TAKES_FILES):
                    await enter(request, pages)
                ScopeState.from_scope(scope).form = await _form(request)
            await app(scope, receive, send)

        return read

    return reading_form


def _cookies(text: str) -> dict[str, str]:
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


async def _form(request: PageRequest) -> dict[str, Any]:
    """Read a form as browsers send ours; anything else is one without fields, files too where a page takes none."""
    content_type, _ = request.content_type
    if content_type == RequestEncodingType.MULTI_PART and request.route_handler.opt.get(TAKES_FILES):
        return await _parts(request)
    if content_type != RequestEncodingType.URL_ENCODED:
        return {}
    fields: dict[str, list[str]] = {}
    for name, value in _pairs(await request.body()):
        fields.setdefault(name, []).append(value)
    return dict(fields)


async def _parts(request: PageRequest) -> dict[str, Any]:
    """Read a form with files, which may be as long as the route lets a body be; what is large lies in a file."""
    try:
        form = await request.form()
    except (UnicodeError, LookupError):
        message = "A field of the form is not in the charset that it says, or in none that there is."
        raise Problem(HTTPStatus.BAD_REQUEST, "malformed_request", message) from None
    if sum(1 for _ in form.multi_items()) > MOST_FIELDS:
        raise _too_many()
    return {name: form.getall(name) for name in form}


def _too_many() -> Problem:
    message = f"There are more than {MOST_FIELDS} fields, which no page of ours asks for."
    return Problem(HTTPStatus.BAD_REQUEST, "malformed_request", message)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise _too_many() from None
