"""Sessions of the pages: Litestar's, kept in PostgreSQL, under an id that no visitor can choose."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.middleware.session.server_side import ServerSideSessionBackend, ServerSideSessionConfig
from litestar.stores.base import Store
from litestar.types import Message, ScopeSession

from waypost.store import sessions
from waypost.store.database import Database

IDLE_SECONDS: Final = 30 * 60
ABSOLUTE_SECONDS: Final = 12 * 60 * 60
_VISIT: Final = "waypost.visit"
_ID_BYTES: Final = 32
_FORGOTTEN: Final = "null"

Connection = ASGIConnection[Any, Any, Any, Any]


class PostgresStore(Store):
    """Litestar's interface to ``store.sessions``."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    def __deepcopy__(self, memo: object) -> Self:
        """Stay what it is: Litestar copies a router with all it holds when it is registered."""
        return self

    async def set(self, key: str, value: str | bytes, expires_in: int | timedelta | None = None) -> None:
        """Keep a value."""
        data = value.encode() if isinstance(value, str) else value
        async with self._database.serving.acquire() as session:
            await sessions.put(session, key, data, seconds=_seconds(expires_in) or IDLE_SECONDS)

    async def replace(self, key: str, value: bytes) -> bool:
        """Keep another value; False when there is none any more."""
        async with self._database.serving.acquire() as session:
            return await sessions.replace(session, key, value, seconds=IDLE_SECONDS)

    async def get(self, key: str, renew_for: int | timedelta | None = None) -> bytes | None:
        """Give a value, and let it live longer."""
        async with self._database.serving.acquire() as session:
            return await sessions.get(session, key, renew_seconds=_seconds(renew_for))

    async def delete(self, key: str) -> None:
        """Forget a value."""
        async with self._database.serving.acquire() as session:
            await sessions.delete(session, key)

    async def delete_all(self) -> None:
        """Nothing forgets all sessions at once: it is refused."""
        raise NotImplementedError("sessions are forgotten one by one")

    async def exists(self, key: str) -> bool:
        """Tell whether a value is there."""
        return await self.get(key) is not None

    async def expires_in(self, key: str) -> int | None:
        """Give for how many seconds a value lives."""
        async with self._database.serving.acquire() as session:
            left = await sessions.expires_in(session, key)
        return None if left is None else int(left)


@dataclass(frozen=True, slots=True)
class _Visit:
    """The id of a request's session, and what was kept under it when the request came; None: nothing yet."""

    id: str
    before: dict[str, Any] | None = None


class _Backend(ServerSideSessionBackend):
    """As Litestar's, but it adopts no id that a visitor brings along, and keeps nothing of who has no session.

    A session is written when it is new or was changed, and never again once it was ended: a slow request that began
    before a sign-out does not bring it back.
    """

    config: "SessionsConfig"

    async def load_from_connection(self, connection: Connection) -> dict[str, Any]:
        data = await super().load_from_connection(connection)
        brought = connection.cookies.get(self.config.key)
        visit = _Visit(brought, dict(data)) if data and brought else _Visit(_make_id())
        connection.scope["state"][_VISIT] = visit
        return data

    def get_session_id(self, connection: Connection) -> str:
        return _visit(connection).id

    async def store_in_message(self, scope_session: ScopeSession, message: Message, connection: Connection) -> None:
        visit, store = _visit(connection), self.config.store_of_sessions
        if not isinstance(scope_session, dict) or not scope_session:
            if visit.before is not None:
                await store.delete(visit.id)
            if connection.cookies.get(self.config.key, _FORGOTTEN) != _FORGOTTEN:
                self._set_cookie(message, _FORGOTTEN, seconds=0)
            return
        data = self.serialize_data(scope_session, connection.scope)
        if visit.before is None:
            await store.set(visit.id, data)
        elif scope_session != visit.before and not await store.replace(visit.id, data):
            return
        self._set_cookie(message, visit.id, seconds=IDLE_SECONDS)

    def _set_cookie(self, message: Message, value: str, *, seconds: int) -> None:
        if not may_carry_cookies(message):
            return
        config = self.config
        cookie = Cookie(
            key=config.key,
            value=value,
            max_age=seconds,
            path=config.path,
            secure=config.secure,
            httponly=config.httponly,
            samesite=config.samesite,
        )
        MutableScopeHeaders.from_message(message).add("set-cookie", cookie.to_header(header=""))


@dataclass
class SessionsConfig(ServerSideSessionConfig):
    """How sessions are kept."""

    _backend_class = _Backend
    own_store: PostgresStore | None = None

    @property
    def store_of_sessions(self) -> PostgresStore:
        """Give the store."""
        if self.own_store is None:
            raise ValueError("sessions have no store")
        return self.own_store

    def get_store_from_app(self, app: Litestar) -> Store:
        """Give the store; the application's registry is not asked."""
        del app
        return self.store_of_sessions


def make_sessions(store: PostgresStore, *, secure: bool) -> SessionsConfig:
    """Give Litestar's sessions over our tables."""
    return SessionsConfig(
        key="__Host-waypost_session" if secure else "waypost_session",
        max_age=IDLE_SECONDS,
        renew_on_access=True,
        secure=secure,
        httponly=True,
        samesite="lax",
        own_store=store,
    )


async def begin(connection: Connection, store: Store, values: dict[str, Any]) -> None:
    """Begin a session under a new id; the one before, if any, is forgotten."""
    await store.delete(_visit(connection).id)
    connection.scope["state"][_VISIT] = _Visit(_make_id())
    connection.scope["session"] = values


def may_carry_cookies(message: Message) -> bool:
    """Tell whether an answer is kept by nobody on its way, so that nobody else can be given its cookies."""
    return "no-store" in MutableScopeHeaders.from_message(message).get("cache-control", "")


def _visit(connection: Connection) -> _Visit:
    visit: _Visit = connection.scope["state"][_VISIT]
    return visit


def _make_id() -> str:
    return secrets.token_hex(_ID_BYTES)


def _seconds(given: int | timedelta | None) -> float | None:
    return given.total_seconds() if isinstance(given, timedelta) else given
