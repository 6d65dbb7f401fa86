"""Protection against cross-site request forgery: forms are accepted from our own pages only.

Two checks complement each other: the headers with which a browser says where a form comes from, and a token in each
form.
"""

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

from waypost.portal.page_error import FORM_EXPIRED, PageError
from waypost.portal.parts import Pages
from waypost.portal.requests import TAKES_FILES, PageRequest, cookies_of
from waypost.portal.sessions import may_carry_cookies
from waypost.portal.visits import enter

FIELD: Final = "_csrf_token"
HEADER: Final = "x-csrftoken"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT: Final = "waypost.form"
_TRUSTED: Final = "waypost.trusted_form"
_SECRET_BYTES: Final = 32


def reject_cross_site_forms(pages: Pages) -> Guard:
    """Return the guard that rejects forms of other sites, by the headers Origin and Sec-Fetch-Site.

    It complements the token of every form. Programs that send neither header are checked by the token alone.
    """

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") in _SAFE_METHODS:
            return
        site, origin = connection.headers.get("sec-fetch-site"), connection.headers.get("origin")
        host = connection.headers.get("host", "")
        ours = origin is None or origin == pages.origin or _is_here(origin, host, secure=pages.secure)
        if site not in (None, "same-origin", "none") or not ours:
            raise PageError(HTTPStatus.FORBIDDEN, "This form was sent from another site. Nothing was changed.")

    return guard


def _is_here(origin: str, host: str, *, secure: bool) -> bool:
    """Return whether an origin is the requested host; it must use TLS if our pages do."""
    scheme, _, place = origin.partition("://")
    return bool(place) and place == host and (scheme == "https" or not secure)


def check_form_tokens(pages: Pages) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware that checks the token of each form, and gives each visitor the secret behind it.

    The secret is kept in a signed cookie, so that a cookie set by another site of the same domain is not accepted;
    forms carry it masked. The middleware runs inside the session's: files are read from signed-in visitors only.
    """
    name = "__Host-waypost_form" if pages.secure else "waypost_form"

    def middleware(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            known = _secret_in(cookies_of(scope).get(name, ""), pages.form_secret)
            secret = scope["state"][_KEPT] = known or secrets.token_bytes(_SECRET_BYTES)
            if scope.get("method") not in _SAFE_METHODS:
                scope["state"][_TRUSTED] = await _has_token(PageRequest(scope, receive), pages, known)

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


def reject_unknown_tokens(pages: Pages) -> Guard:
    """Return the guard that rejects forms without their visitor's token, as the middleware has found.

    A visitor who has lost all cookies is asked to sign in, and the form is kept. A guard and not the middleware says
    so, because the login page needs the middleware's cookie.
    """

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        if connection.scope.get("method") in _SAFE_METHODS or connection.scope["state"].get(_TRUSTED):
            return
        request = PageRequest(connection.scope, connection.receive)
        if _is_ours_but_signed_out(request, pages):
            await enter(request, pages)
        raise PageError(HTTPStatus.FORBIDDEN, FORM_EXPIRED)

    return guard


def form_token(scope: Scope) -> str:
    """Return the token for the forms of a page, masked differently for each page; empty if the page has no form.

    An unmasked secret could be guessed bit by bit from the lengths of compressed pages.
    """
    secret: bytes | None = scope["state"].get(_KEPT)
    if secret is None:
        return ""
    mask = secrets.token_bytes(_SECRET_BYTES)
    return mask.hex() + _xor(mask, secret).hex()


async def _has_token(request: PageRequest, pages: Pages, secret: bytes | None) -> bool:
    """Return whether a form's token belongs to the visitor."""
    if request.route_handler.opt.get(TAKES_FILES):
        await enter(request, pages)
    token = request.headers.get(HEADER) or str((await request.form()).get(FIELD, ""))
    return secret is not None and hmac.compare_digest(_unmasked(token), secret)


def _is_ours_but_signed_out(request: PageRequest, pages: Pages) -> bool:
    """Return whether a browser says that one of our pages sent the form, of a visitor who has lost all cookies.

    Only such a form is kept while its visitor signs in. Forms of other sites and the login form are not kept.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    host = request.headers.get("host", "")
    ours = origin == pages.origin or _is_here(origin, host, secure=pages.secure)
    path: str = request.scope["path"]
    return site in (None, "same-origin") and ours and not request.session and not path.startswith(("/login", "/logout"))


def _unmasked(token: str) -> bytes:
    """Return the secret in a token, or empty bytes if the token is malformed."""
    try:
        both = bytes.fromhex(token)
    except ValueError:
        return b""
    return _xor(both[:_SECRET_BYTES], both[_SECRET_BYTES:]) if len(both) == 2 * _SECRET_BYTES else b""


def _secret_in(cookie: str, key: str) -> bytes | None:
    """Return the secret in a cookie, or None if we did not sign it."""
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
