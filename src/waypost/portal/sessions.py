"""Sessions of the pages, stored in PostgreSQL under an id that no visitor can choose.

A session is written when it is new or has changed, but never after it has ended: a slow request that started before a
sign-out does not restore it. Nothing is stored for visitors without a session.
"""

import secrets
from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from waypost.portal.requests import cookies_of
from waypost.store import sessions
from waypost.store.database import Database

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 60 * 60
_VISIT: Final = "waypost.visit"
_ID_BYTES: Final = 32
_FORGOTTEN: Final = "null"

Connection = ASGIConnection[Any, Any, Any, Any]


class _Visit(msgspec.Struct, frozen=True):
    """The id of a request's session, and the values stored when the request arrived, or None if it is new."""

    id: str
    before: dict[str, Any] | None = None


class Sessions:
    """The sessions of all visitors, in PostgreSQL. If ``secure``, their cookie is sent over TLS only."""

    def __init__(self, database: Database, *, secure: bool) -> None:
        self._database = database
        self._secure = secure
        self._cookie = "__Host-waypost_session" if secure else "waypost_session"

    async def load(self, scope: Scope) -> None:
        """Set the request's ``session`` to the visitor's stored values, and renew its expiry."""
        brought = cookies_of(scope).get(self._cookie)
        kept: dict[str, Any] = {}
        if brought:
            async with self._database.serving.acquire() as session:
                data = await sessions.get(session, brought, renew_seconds=IDLE_SECONDS)
            kept = {} if data is None else msgspec.json.decode(data, type=dict[str, Any])
        scope["state"][_VISIT] = _Visit(brought, dict(kept)) if brought and kept else _Visit(_make_id())
        scope["session"] = kept

    async def keep(self, scope: Scope, message: Message) -> None:
        """Store the request's session, and set its cookie on the response."""
        now, visit = scope.get("session"), _visit(scope)
        if not isinstance(now, dict) or not now:
            if visit.before is not None:
                await self._delete(visit.id)
            if cookies_of(scope).get(self._cookie, _FORGOTTEN) != _FORGOTTEN:
                self._set_cookie(message, _FORGOTTEN, seconds=0)
            return
        if now != visit.before and not await self._write(visit, msgspec.json.encode(now)):
            return
        self._set_cookie(message, visit.id, seconds=IDLE_SECONDS)

    async def begin(self, connection: Connection, values: dict[str, Any]) -> None:
        """Start a session under a new id, and delete the previous one."""
        await self._delete(_visit(connection.scope).id)
        connection.scope["state"][_VISIT] = _Visit(_make_id())
        connection.scope["session"] = values

    async def _write(self, visit: _Visit, data: bytes) -> bool:
        async with self._database.serving.acquire() as session:
            if visit.before is not None:
                return await sessions.replace(session, visit.id, data, seconds=IDLE_SECONDS)
            await sessions.put(session, visit.id, data, seconds=IDLE_SECONDS)
        return True

    async def _delete(self, key: str) -> None:
        async with self._database.serving.acquire() as session:
            await sessions.delete(session, key)

    def _set_cookie(self, message: Message, value: str, *, seconds: int) -> None:
        if may_carry_cookies(message):
            cookie = Cookie(
                key=self._cookie,
                value=value,
                max_age=seconds,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )
            MutableScopeHeaders.from_message(message).add("set-cookie", cookie.to_header(header=""))


def within_session(kept: Sessions) -> Callable[[ASGIApp], ASGIApp]:
    """Return the middleware that gives each request its session."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_with_cookie(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await kept.keep(scope, message)
                await send(message)

            await kept.load(scope)
            await app(scope, receive, send_with_cookie)

        return serve

    return middleware


def may_carry_cookies(message: Message) -> bool:
    """Return whether no cache may store the response, so that nobody else can be given its cookies."""
    return "no-store" in MutableScopeHeaders.from_message(message).get("cache-control", "")


def _visit(scope: Scope) -> _Visit:
    visit: _Visit = scope["state"][_VISIT]
    return visit


def _make_id() -> str:
    return secrets.token_hex(_ID_BYTES)
