"""Which forms are ours: a form is taken only from one of our own pages, as the browser says and as its token shows."""

import hmac
import secrets
from collections.abc import Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Guard, Message, Receive, Scope, Send

from waypost.portal.page_error import PageError
from waypost.portal.parts import Pages
from waypost.portal.requests import TAKES_FILES, PageRequest, cookies_of
from waypost.portal.sessions import may_carry_cookies
from waypost.portal.visits import enter

FIELD: Final = "_csrf_token"
HEADER: Final = "x-csrftoken"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT: Final = "waypost.form"
_SECRET_BYTES: Final = 32
_TOO_OLD: Final = "This form is too old, or cookies are off: go back, load the page again, and send it again."


def only_our_forms(pages: Pages) -> Guard:
    """Let only our own pages send forms: what a browser says of where a request came from must be us.

    Beside the token that every form carries; programs that say neither are left to that.
    """

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") in _SAFE_METHODS:
            return
        site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
        host = connection.headers.get("host", "")
        ours = origin is None or origin == pages.origin or _is_here(origin, host, secure=pages.secure)
        if site not in (None, "same-origin", "none") or not ours:
            raise PageError(HTTPStatus.FORBIDDEN, "This form was sent from another site: nothing was done.")

    return guard


def _is_here(origin: str, host: str, *, secure: bool) -> bool:
    """Tell whether an origin is the host that was asked; over TLS, where pages are."""
    scheme, _, place = origin.partition("://")
    return bool(place) and place == host and (scheme == "https" or not secure)


def checking_tokens(pages: Pages) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware that checks the token of each form, and gives the secret behind it to each visitor.

    The secret lies in a signed cookie, so that none is taken which another site of the same domain has set; a form
    carries it masked. Stands within the session: files are read only from those who are signed in.
    """
    name = "__Host-waypost_form" if pages.secure else "waypost_form"

    def middleware(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            known = _secret_in(cookies_of(scope).get(name, ""), pages.form_secret)
            secret = scope["state"][_KEPT] = known or secrets.token_bytes(_SECRET_BYTES)
            if scope.get("method") not in _SAFE_METHODS:
                await _check(PageRequest(scope, receive), pages, known)

            async def send_with_cookie(message: Message) -> None:
                if known is None and message["type"] == "http.response.start" and may_carry_cookies(message):
                    signed = secret.hex() + _signature(secret, pages.form_secret)
                    cookie = Cookie(
                        key=name, value=signed, path="/", secure=pages.secure, httponly=True, samesite="lax"
                    )
                    MutableScopeHeaders.from_message(message).add("set-cookie", cookie.to_header(header=""))
                await send(message)

            await app(scope, receive, send_with_cookie)

        return serve

    return middleware


def form_token(scope: Scope) -> str:
    """Return the token that the forms of a page carry, another in each page; empty where there is no form.

    A secret that stood in each page as it is could be guessed bit by bit from the lengths of compressed pages.
    """
    secret: bytes | None = scope["state"].get(_KEPT)
    if secret is None:
        return ""
    mask = secrets.token_bytes(_SECRET_BYTES)
    return mask.hex() + _xor(mask, secret).hex()


async def _check(request: PageRequest, pages: Pages, secret: bytes | None) -> None:
    """Refuse a form whose token is not the visitor's."""
    if request.route_handler.opt.get(TAKES_FILES):
        await enter(request, pages)
    token = request.headers.get(HEADER) or str((await request.form()).get(FIELD, ""))
    if secret is None or not hmac.compare_digest(_unmasked(token), secret):
        raise PageError(HTTPStatus.FORBIDDEN, _TOO_OLD)


def _unmasked(token: str) -> bytes:
    """Return the secret in a token; empty for what is no token."""
    try:
        both = bytes.fromhex(token)
    except ValueError:
        return b""
    return _xor(both[:_SECRET_BYTES], both[_SECRET_BYTES:]) if len(both) == 2 * _SECRET_BYTES else b""


def _secret_in(cookie: str, key: str) -> bytes | None:
    """Return the secret in a cookie that we made."""
    try:
        secret = bytes.fromhex(cookie[: 2 * _SECRET_BYTES])
    except ValueError:
        return None
    signature = cookie[2 * _SECRET_BYTES :].encode()
    is_ours = len(secret) == _SECRET_BYTES and hmac.compare_digest(signature, _signature(secret, key).encode())
    return secret if is_ours else None


def _signature(secret: bytes, key: str) -> str:
    return hmac.new(key.encode(), secret, sha256).hexdigest()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
