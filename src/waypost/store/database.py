"""Connections to PostgreSQL: pools for the engine's hot statements, for what people ask, and for what holds a lock."""

import asyncio
from typing import Any, Final, Self

import asyncpg
from asyncpg import Pool

from waypost.domain.errors import OperatorError
from waypost.store.statements import Session, Unreachable

ENGINE_SETTINGS: Final = {
    # The planner sees the hot table empty after a vacuum and would flip to a scan: spec of the queue, finding 3.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
}
SERVING_SETTINGS: Final = {
    # A list is planned for what it is asked: a plan for any limit and any status reads a million rows for some of them.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "statement_timeout": "15s",
    "transaction_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
}
_DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
OLDEST_SERVER: Final = 180_000


class UnsafeServer(OperatorError):  # noqa: N818 - reads as what is wrong
    """The server's settings or version would break a promise; says which and what to do."""


class _Plain(asyncpg.Connection):
    """A connection that is given back as it is: nobody leaves settings, locks, cursors or a LISTEN behind in it.

    A transaction that is still open is rolled back all the same.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        """Give what is sent when it is given back: nothing, which spares every page and commit a round trip."""
        return ""


async def _connect(*arguments: Any, **named: Any) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(*arguments, **named)
    except ConnectionError:
        raise
    except OSError as error:  # no socket, no name, no route, no answer, no descriptor left
        raise Unreachable(*error.args) from error


class Database:
    """The pools of one process. ``engine`` plans its statements as the queue needs it; ``serving`` has stock plans.

    ``holding`` is as ``engine``, for who holds a lock of its session or listens: that ends when it is given back.
    """

    def __init__(self, engine: Pool, serving: Pool, holding: Pool) -> None:
        self.engine = engine
        self.serving = serving
        self.holding = holding

    @classmethod
    async def open(cls, connection: dict[str, Any], *, engine_size: int = 8, serving_size: int = 8) -> Self:
        """Connect; UnsafeServer when what the server promises is not enough."""
        kinds: tuple[tuple[int, int, dict[str, str], type[asyncpg.Connection]], ...] = (
            (2, engine_size, ENGINE_SETTINGS, _Plain),
            (1, serving_size, SERVING_SETTINGS, _Plain),
            (0, engine_size, ENGINE_SETTINGS, asyncpg.Connection),
        )
        pools: list[Pool] = []
        try:
            for least, most, settings, kind in kinds:
                pool = await asyncpg.create_pool(
                    **connection,
                    connect=_connect,
                    min_size=least,
                    max_size=most,
                    server_settings=settings,
                    init=_prepare_session,
                    connection_class=kind,
                )
                pools.append(pool)
            async with pools[0].acquire() as session:
                await check_server(session)
        except BaseException:
            for pool in pools:
                await pool.close()
            raise
        return cls(*pools)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """All of them."""
        return self.engine, self.serving, self.holding

    async def answer(self) -> None:
        """Return when PostgreSQL has answered; what it raises says why it does not."""
        async with self.serving.acquire() as session:
            await session.fetchval("select 1")

    async def close(self) -> None:
        """Close all pools, by force when a statement does not end within ten seconds."""
        try:
            async with asyncio.timeout(10):
                await asyncio.gather(*(pool.close() for pool in self.pools))
        except TimeoutError:
            for pool in self.pools:
                pool.terminate()


async def check_server(session: Session) -> None:
    """Read back what durability stands on; UnsafeServer for a server that could lose what it confirmed."""
    version = int(await session.fetchval("show server_version_num"))
    if version < OLDEST_SERVER:
        message = f"PostgreSQL 18 or newer is needed; this server is {version // 10000}."
        raise UnsafeServer(message)
    rows = await session.fetch("select name, setting from pg_settings where name = any ($1::text[])", list(_DURABLE))
    off = sorted(row["name"] for row in rows if row["setting"] in ("off", "local"))
    if off:
        message = f"Refusing to run: {', '.join(off)} must be on in PostgreSQL, or a crash could lose accepted data."
        raise UnsafeServer(message)


async def _prepare_session(session: Session) -> None:
    await session.execute("set timezone to 'UTC'")
