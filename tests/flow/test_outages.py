"""An unusable database is reported once, answered with 503, and recovers on its own."""

import asyncio
import gc
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import pytest
from asyncpg.exceptions import DataError
from structlog.testing import capture_logs

from tests.support.databases import add_account, named
from tests.support.proxy import Proxy, in_front_of, through
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.run import Sender
from waypost.store import database as connections
from waypost.store import pools
from waypost.store.connecting import CannotConnect, open_database
from waypost.store.database import Access, Database
from waypost.store.outage import OUTAGES
from waypost.store.statements import transaction
from waypost.store.trouble import LOST, DatabaseTrouble, TimedOut

LIMIT = 1.0


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ENGINE_SECONDS",
        "SERVING_SECONDS",
        "HOLDING_SECONDS",
        "LIFE_SECONDS",
        "WAIT_SECONDS",
        "ANSWER_SECONDS",
    ):
        monkeypatch.setattr(connections, name, LIMIT)
    for name in ("RELEASE_SECONDS", "CROWDED_SECONDS"):
        monkeypatch.setattr(pools, name, LIMIT)
    monkeypatch.setattr("waypost.store.outage.LOOK_SECONDS", 0.05)


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[Any]:
    """Yield a session that the test's outages do not affect."""
    async with database.serving.acquire() as session:
        yield session


async def dsn_of(session: Any, server_dsn: str) -> str:
    return named(server_dsn, await session.fetchval("select current_database()"))


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Database]:
    made = await open_database(Access(url, **options))
    try:
        yield made
    finally:
        await made.close()


async def until_usable(database: Database) -> None:
    if database.outage._watching is not None:
        await asyncio.wait_for(database.outage._watching, 20)
    assert database.outage.trouble is None


async def write(database: Database) -> None:
    async with database.engine.acquire() as session, transaction(session):
        await session.execute("insert into installation (name, value) values ($1, '')", secrets.token_hex())


async def test_a_read_only_database_is_one_outage_that_ends_when_it_accepts_writes(admin: Any, server_dsn: str) -> None:
    url = await dsn_of(admin, server_dsn)
    name = await admin.fetchval("select current_database()")
    async with opened(url) as database:
        await write(database)
        with capture_logs() as lines:
            await admin.execute(f"alter database {name} set default_transaction_read_only = on")
            async with database.engine.acquire() as session:
                await session.execute("set default_transaction_read_only = on")
            for _ in range(3):
                with pytest.raises(LOST):
                    await write(database)
            assert database.outage.trouble is DatabaseTrouble.READ_ONLY
            with pytest.raises(LOST):
                await database.answer()

            await admin.execute(f"alter database {name} reset default_transaction_read_only")
            await until_usable(database)
            await write(database)
            await database.outage.end()

    assert [line["event"] for line in lines] == ["database_unavailable", "database_available"]
    assert lines[0]["trouble"] == "read_only"
    assert lines[1]["failed"] >= 3


@pytest.fixture
async def crowded(admin: Any, server_dsn: str) -> AsyncIterator[Database]:
    """Yield a database that allows two connections."""
    password, role = secrets.token_hex(), f"few_{secrets.token_hex(4)}"
    await admin.execute(f"create role {role} login password '{password}' connection limit 2")
    await admin.execute(f"grant all on all tables in schema public to {role}")
    url = (await dsn_of(admin, server_dsn)).replace(
        server_dsn.partition("://")[2].partition("@")[0], f"{role}:{password}"
    )
    async with opened(url) as database:
        yield database
    await admin.execute(f"drop owned by {role}; drop role {role}")


async def test_too_many_connections_are_an_outage(crowded: Database) -> None:
    with pytest.raises(LOST):
        async with crowded.serving.acquire(), crowded.engine.acquire(), crowded.holding.acquire():
            pass
    assert crowded.outage.trouble is DatabaseTrouble.TOO_MANY_CONNECTIONS

    await until_usable(crowded)


async def test_a_pool_without_further_connections_uses_those_it_has(crowded: Database) -> None:
    async with crowded.serving.acquire():
        results = await asyncio.gather(*(crowded.engine.fetchval("select 1") for _ in range(20)))

        assert results == [1] * 20
        assert crowded.outage.trouble is None


async def sessions_of(database: Database, admin: Any) -> int:
    name = await database.engine.fetchval("show application_name")
    return int(await admin.fetchval("select count(*) from pg_stat_activity where application_name = $1", name))


async def test_a_process_gives_up_connections_on_a_crowded_server_and_takes_them_back_later(
    admin: Any, server_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(await dsn_of(admin, server_dsn), role="crowd") as database:
        meeting = asyncio.Barrier(6)

        async def use() -> None:
            async with database.engine.acquire():
                await meeting.wait()

        async def until_there_are(count: int) -> None:
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                while await sessions_of(database, admin) != count:
                    pass

        await asyncio.gather(*(use() for _ in range(6)))
        await until_there_are(6)
        monkeypatch.setattr(pools, "SPARE", 1000)
        for left in (3, 1):
            await database.fit()
            await until_there_are(left)
        await asyncio.gather(*(database.engine.fetchval("select 1") for _ in range(6)))
        assert await sessions_of(database, admin) == 1

        monkeypatch.setattr(pools, "SPARE", 0)
        await database.fit()
        await asyncio.gather(*(use() for _ in range(6)))
        await until_there_are(6)


@dataclass
class Frozen:
    proxy: Proxy
    database: Database


@pytest.fixture
async def frozen(admin: Any, server_dsn: str) -> AsyncIterator[Frozen]:
    url = await dsn_of(admin, server_dsn)
    async with in_front_of(url) as proxy, opened(through(url, proxy.port), connect_seconds=LIMIT) as database:
        await write(database)
        await database.serving.fetchval("select 1")
        proxy.awake.clear()
        yield Frozen(proxy, database)
        proxy.awake.set()


@pytest.mark.parametrize("use", [write, Database.answer, lambda one: one.holding.fetchval("select 1")])
async def test_a_silent_server_blocks_nobody(frozen: Frozen, use: Callable[[Database], Awaitable[object]]) -> None:
    async with asyncio.timeout(20):
        for _ in range(2):
            with pytest.raises(LOST):
                await use(frozen.database)
        assert frozen.database.outage.trouble is DatabaseTrouble.TIMED_OUT

        frozen.proxy.awake.set()
        await until_usable(frozen.database)
        await write(frozen.database)


async def test_a_dispatcher_detects_a_silent_server_with_its_heartbeat(
    admin: Any, server_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ENGINE_SECONDS", "HOLDING_SECONDS"):
        monkeypatch.setattr(connections, name, 1000.0)
    url = await dsn_of(admin, server_dsn)
    async with in_front_of(url) as proxy, opened(through(url, proxy.port), connect_seconds=LIMIT) as database:
        dispatcher = Dispatcher(database, cast("Sender", None))  # it gets nothing to send
        serving = asyncio.create_task(dispatcher.serve(asyncio.Event()))
        while not dispatcher.measures().running:
            await asyncio.wait([serving], timeout=LIMIT)
        proxy.awake.clear()

        async with asyncio.timeout(20):
            with pytest.raises(LOST):
                await serving
        assert database.outage.trouble is DatabaseTrouble.TIMED_OUT
        proxy.awake.set()


async def test_closing_a_pool_does_not_wait_for_a_silent_server(frozen: Frozen) -> None:
    async with frozen.database.engine.acquire():
        closing = asyncio.create_task(frozen.database.close())
        await asyncio.wait([closing], timeout=LIMIT)
    async with asyncio.timeout(20):
        await closing


async def test_a_cancelled_transaction_returns_its_connection_in_time(frozen: Frozen) -> None:
    task = asyncio.create_task(write(frozen.database))
    await asyncio.wait([task], timeout=LIMIT / 3)
    task.cancel()
    async with asyncio.timeout(20):
        await asyncio.wait([task])
        with pytest.raises(LOST):
            await write(frozen.database)


async def test_a_caller_that_gives_up_while_its_session_is_returned_leaves_no_error_behind(frozen: Frozen) -> None:
    told = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    task = asyncio.create_task(write(frozen.database))
    for _ in range(2):  # the statement, then the return of its session
        await asyncio.wait([task], timeout=LIMIT / 3)
        task.cancel()
    await asyncio.wait([task])
    async with asyncio.timeout(20):
        while frozen.database.engine.size:  # noqa: ASYNC110 - the driver has no event for it
            await asyncio.sleep(0)
    gc.collect()

    assert told == []


async def test_the_next_host_is_used_while_the_first_is_silent(admin: Any, server_dsn: str) -> None:
    url = await dsn_of(admin, server_dsn)
    async with in_front_of(url) as first, in_front_of(url) as second:
        async with opened(through(url, first.port, second.port), connect_seconds=LIMIT) as database:
            await write(database)
            first.awake.clear()
            async with asyncio.timeout(20):
                with suppress(*LOST):
                    await write(database)
                await until_usable(database)
                await write(database)
        first.awake.set()


async def test_waiting_for_a_free_connection_has_a_time_limit(admin: Any, server_dsn: str) -> None:
    async with (
        opened(await dsn_of(admin, server_dsn), serving_size=1, connect_seconds=LIMIT) as database,
        database.serving.acquire(),
    ):
        with pytest.raises(TimedOut):
            await database.serving.fetchval("select 1")


async def test_a_value_rejected_by_postgresql_is_not_an_outage(admin: Any, server_dsn: str) -> None:
    async with opened(await dsn_of(admin, server_dsn)) as database:
        with pytest.raises(DataError) as raised:
            await database.serving.fetchval("select $1::integer", "no number")
        assert not isinstance(raised.value, LOST)
        assert database.outage.trouble is None


async def test_a_standby_is_rejected_in_one_sentence(admin: Any, server_dsn: str) -> None:
    name = await admin.fetchval("select current_database()")
    await admin.execute(f"alter database {name} set default_transaction_read_only = on")

    with pytest.raises(
        CannotConnect, match=r"accepts no writes: .* Name all hosts of the cluster in WAYPOST_DATABASE_URL"
    ):
        await open_database(Access(await dsn_of(admin, server_dsn)))
    with pytest.raises(CannotConnect, match="accepts no writes"):
        await open_database(Access(f"{await dsn_of(admin, server_dsn)}&target_session_attrs=read-write"))
    await admin.execute(f"alter database {name} reset default_transaction_read_only")


async def test_outages_are_counted_by_cause(frozen: Frozen) -> None:
    before = OUTAGES[DatabaseTrouble.TIMED_OUT]
    for _ in range(2):
        with pytest.raises(LOST):
            await write(frozen.database)

    assert OUTAGES[DatabaseTrouble.TIMED_OUT] == before + 1


async def test_sessions_are_named_after_their_owners(admin: Any, server_dsn: str) -> None:
    async with opened(await dsn_of(admin, server_dsn), role="dispatch") as database:
        name = await database.engine.fetchval("show application_name")
        assert (name[:17], name.rpartition(":")[2]) == ("waypost-dispatch@", str(os.getpid()))


async def test_two_schemas_of_one_database_are_isolated(admin: Any, server_dsn: str) -> None:
    url = await dsn_of(admin, server_dsn)
    await admin.execute("create schema empty")
    async with opened(url) as ours, opened(url, schema="empty") as theirs:
        await add_account(ours)
        assert await theirs.serving.fetchval("select to_regclass('account')") is None
