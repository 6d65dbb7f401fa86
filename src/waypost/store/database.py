"""Connections to PostgreSQL: pools for the engine's hot statements, for what people ask, and for locks."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

import asyncpg
import msgspec
from asyncpg import Pool

from waypost.domain.errors import OperatorError
from waypost.store.condition import server_connections
from waypost.store.ending import end
from waypost.store.hosts import CONNECT_SECONDS, Hosts
from waypost.store.outage import Outage
from waypost.store.pools import SessionPool
from waypost.store.statements import Session, execute, transaction
from waypost.store.trouble import LOST, DatabaseTrouble, TakesNoWrites

ENGINE_SETTINGS: Final = {
    # After a vacuum the planner sees the hot table as empty and would switch to a scan: spec of the queue, finding 3.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
}
SERVING_SETTINGS: Final = {
    # Lists need a plan for their parameters: a plan for any limit and any status reads a million rows for some of them.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "statement_timeout": "15s",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
}
ENGINE_SECONDS: Final = 10.0
"""The time limit of a hot statement. A server that is frozen or cut off neither responds nor closes the connection."""
SERVING_SECONDS: Final = 16.0
"""Slightly longer than PostgreSQL's own limit for such a statement."""
HOLDING_SECONDS: Final = 30.0
LIFE_SECONDS: Final = 5.0
"""A dispatcher whose proof of life takes longer counts as one that does not work, and it has to find the next host."""
WAIT_SECONDS: Final = 10.0
"""How long to wait for a connection while all are in use."""
IDLE_SECONDS: Final = 30.0
"""How long a connection that nobody uses is kept: where they are scarce, another process may be in want of it."""
HOLDING_SIZE: Final = 6
HOLDING_LEAST: Final = 2
"""One part holds its lock for as long as it runs (``intake/push_reader.py``); the others take turns."""
FIT_SECONDS: Final = 5.0
"""How often a process checks whether the server has connections to spare."""
ANSWER_SECONDS: Final = 2.0
"""How long the database may take to respond to a health check."""
_READ_ONLY: Final = "select current_setting('transaction_read_only')"
_PROBE_BYTES: Final = 65_536
_DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
OLDEST_SERVER: Final = 180_000

LEAST_CONNECTIONS: Final = 4
"""How many connections a process needs: one to read, one to write, and two for locks that it holds.

A `serve` that dispatches in its own process takes one more.
"""
FEW_CONNECTIONS: Final = LEAST_CONNECTIONS + 1
"""Up to this number, a process has none to spare for others."""


def most_connections(engine: int, serving: int) -> int:
    """Return how many connections a process with pools of these sizes makes at most.

    One of ``life``, in which it has one dispatcher, if any.
    """
    return engine + serving + HOLDING_SIZE + 1


_NAME_BYTES: Final = 63
_NOTICE_VANISHED: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "20s",
}
"""After 20 seconds the server ends the session of a machine that vanished without a word.

By default it takes two hours, during which its locks would be held: that of a dispatcher, and those of duties.
"""


class UnsafeServer(OperatorError):
    """The server's settings or version would break a guarantee; the message says which and what to do."""


class Access(msgspec.Struct, frozen=True):
    """How a process uses a database: where it is, in which schema, under which name, and with how many connections.

    ``role``, machine and process are visible to anyone who looks at the server's sessions. Without ``schema``, the URL
    and the user decide on it. What is in a ``disposable`` database may be lost.
    """

    url: str
    role: str = "waypost"
    schema: str | None = None
    engine_size: int = 6
    serving_size: int = 4
    connect_seconds: float = CONNECT_SECONDS
    disposable: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings that every session of this process has."""
        process = f":{os.getpid()}"
        place = f"waypost-{self.role}@{socket.gethostname()}".encode("ascii", "replace").decode()
        name = place[: _NAME_BYTES - len(process)] + process
        path = {} if self.schema is None else {"search_path": f'"{self.schema}"'}
        return {"application_name": name, "timezone": "UTC"} | _NOTICE_VANISHED | path


class _Plain(asyncpg.Connection):
    """A connection that is returned without a reset: nobody leaves settings, locks, cursors or a LISTEN in it.

    A transaction that is still open is rolled back all the same.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Return the reset query: none, which saves every page and commit a round trip."""
        return ""


class Database:
    """The pools of one process. ``engine`` plans its statements as the queue needs it; ``serving`` has stock plans.

    ``holding`` is as ``engine``, for sessions that hold a lock or listen, which ends when they are returned. So is
    ``life``, for the session by which a dispatcher proves that it lives: a silent server is noticed there first.
    ``outage`` knows whether the database can be used.
    """

    def __init__(self, access: Access) -> None:
        self.outage = Outage(self.answer)
        self._hosts = Hosts(access.url, connect_seconds=access.connect_seconds)
        self._settings = access.settings
        self.schema = access.schema
        self._pools: list[Pool] = []
        self._session_pools: list[SessionPool] = []
        self.engine = self._pool(access.engine_size, ENGINE_SETTINGS, _Plain, ENGINE_SECONDS)
        self.serving = self._pool(access.serving_size, SERVING_SETTINGS, _Plain, SERVING_SECONDS, by_account=True)
        self.holding = self._pool(
            HOLDING_SIZE, ENGINE_SETTINGS, asyncpg.Connection, HOLDING_SECONDS, least=HOLDING_LEAST
        )
        self.life = self._pool(HOLDING_SIZE, ENGINE_SETTINGS, asyncpg.Connection, LIFE_SECONDS)
        self._fitting: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, access: Access) -> Self:
        """Connect. Raise an error of ``LOST``, or UnsafeServer if the server does not guarantee enough."""
        made = cls(access)
        try:
            for pool in made._pools:
                await pool  # which connects nothing yet
            with made.outage.left_to_caller():
                async with made.engine.acquire() as session:
                    await check_server(session, durable=not access.disposable)
            made._fitting = asyncio.create_task(made._keep_fitting())
        except BaseException:
            await made.close()
            raise
        return made

    async def answer(self) -> None:
        """Return once PostgreSQL has responded and accepts writes; otherwise raise the reason."""
        async with self.serving.acquire() as session:
            if await session.fetchval(_READ_ONLY, timeout=ANSWER_SECONDS) == "on":
                raise TakesNoWrites("the session is read-only")
            if self.outage.trouble is DatabaseTrouble.DISK_FULL:
                await _try_to_write(session)
        self.outage.passed()

    @asynccontextmanager
    async def unhurried(self) -> AsyncIterator[Session]:
        """Lend a separate connection without time limits, for migrations."""
        session = await self._hosts.connect(server_settings=self._settings)
        try:
            yield session
        finally:
            session.terminate()

    async def close(self) -> None:
        """Close all pools, by force if a statement does not end within ten seconds."""
        await self.outage.end()
        if self._fitting is not None:
            await end(self._fitting)
        try:
            async with asyncio.timeout(10):
                await asyncio.gather(*(pool.close() for pool in self._pools))
        except TimeoutError:
            for pool in self._pools:
                pool.terminate()

    def _pool(
        self,
        most: int,
        settings: dict[str, str],
        kind: type[asyncpg.Connection],
        seconds: float,
        *,
        least: int = 1,
        by_account: bool = False,
    ) -> SessionPool:
        pool = asyncpg.create_pool(
            connect=self._hosts.connect,
            min_size=0,
            max_size=most,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            server_settings=settings | self._settings,
            connection_class=kind,
            command_timeout=seconds,
        )
        self._pools.append(pool)
        wait = max(seconds, WAIT_SECONDS) + self._hosts.most_seconds
        pooled = SessionPool(
            pool, self.outage, wait_seconds=wait, expire=self._expire, least=least, by_account=by_account
        )
        self._session_pools.append(pooled)
        return pooled

    async def _keep_fitting(self) -> None:
        while True:
            await asyncio.sleep(FIT_SECONDS)
            with suppress(*LOST):
                await self.fit()

    async def fit(self) -> None:
        """Have as many sessions as the server can spare. Nothing is asked of it while few are in use here."""
        pools = self._session_pools
        if any(pool.is_shrunk for pool in pools) or sum(pool.size for pool in pools) > FEW_CONNECTIONS:
            async with self.engine.acquire() as session:
                free = (await server_connections(session)).free
            for pool in self._session_pools:
                await pool.fit(free)

    async def _expire(self) -> None:
        """Discard all idle connections, so that each need not be found useless on its own."""
        for pool in self._pools:
            await pool.expire_connections()


async def check_server(session: Session, *, durable: bool = True) -> None:
    """Check the server's version and, if it has to be ``durable``, the settings on which that depends.

    Raise UnsafeServer for a server that is too old or could lose confirmed data.
    """
    version = int(await session.fetchval("show server_version_num"))
    if version < OLDEST_SERVER:
        message = f"PostgreSQL 18 or newer is needed; this server is {version // 10000}."
        raise UnsafeServer(message)
    if await session.fetchval(_READ_ONLY) == "on":
        raise TakesNoWrites("the session is read-only")
    rows = await session.fetch("select name, setting from pg_settings where name = any ($1::text[])", list(_DURABLE))
    off = sorted(row["name"] for row in rows if row["setting"] in ("off", "local"))
    if off and durable:
        message = f"Waypost can't run: {', '.join(off)} must be on in PostgreSQL, or a crash could lose accepted data."
        raise UnsafeServer(message)


async def _try_to_write(session: Session) -> None:
    """Allocate disk space and release it: nothing less shows that a full disk is full."""
    with suppress(_Enough):
        async with transaction(session):
            await execute(session, "take_room", os.urandom(_PROBE_BYTES))
            raise _Enough


class _Enough(Exception):
    """Rolls a transaction back."""
