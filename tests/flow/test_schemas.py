"""Two installations in schemas of one database: failures in one do not affect the other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from tests.support.databases import add_account, empty, named
from tests.support.embedded import ignore
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.app.storage import bring_up_to_date
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import Source, Update
from waypost.intake.batch import write
from waypost.intake.requests import Request
from waypost.store import dispatchers, duties, feed, hints
from waypost.store.database import Access, Database
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.hints import Hint
from waypost.store.statements import Session

PLACE = DispatcherSlot(UUID(int=7), 0, alone=False)


@dataclass
class Cells:
    """Installations ``one`` and ``other``, and the URL of their database."""

    url: str
    one: Database
    other: Database


@pytest.fixture
async def cells(server_dsn: str) -> AsyncIterator[Cells]:
    async with empty(server_dsn) as name, AsyncExitStack() as stack:
        url = named(server_dsn, name)
        made = []
        for schema in ("cell_a", "cell_b"):
            database = await Database.open(Access(url, schema=schema))
            stack.push_async_callback(database.close)
            await bring_up_to_date(database, ignore)
            made.append(database)
        yield Cells(url, *made)


async def join(stack: AsyncExitStack, database: Database, number: int | None = None) -> tuple[Session, int]:
    session = await stack.enter_async_context(database.holding.acquire())
    drawn = None if number is None else iter([number])
    draw = dispatchers.draw if drawn is None else lambda: next(drawn)
    return session, await dispatchers.join(session, place=PLACE, draw_number=draw)


_AGED = """
update dispatcher set joined_at = '2020-01-01', seen_at = now() - interval '1 minute';
create function pg_postmaster_start_time() returns timestamptz stable language sql
    as $$ select '2020-01-01'::timestamptz $$;
set search_path = {}, pg_catalog
"""


async def age(mine: Session) -> None:
    """Let the server run for long, and everybody be there for long and not seen for a while: paused, or dead."""
    await mine.execute(_AGED.format(await mine.fetchval("select current_schema()")))


async def test_each_schema_is_migrated_separately(cells: Cells) -> None:
    await add_account(cells.one)

    assert await cells.one.serving.fetchval("select count(*) from account") == 1
    assert await cells.other.serving.fetchval("select count(*) from account") == 0


async def test_dispatchers_of_both_schemas_may_have_the_same_number(cells: Cells) -> None:
    async with AsyncExitStack() as stack:
        number = dispatchers.LOWEST
        _, first = await join(stack, cells.one, number)
        _, second = await join(stack, cells.other, number)
        assert (first, second) == (number, number)

        async with cells.one.serving.acquire() as one, cells.other.serving.acquire() as other:
            found = [await dispatchers.count(session) for session in (one, other)]
        assert [(each.alive, each.dead) for each in found] == [(1, 0), (1, 0)]


async def test_a_dead_dispatcher_is_removed_although_the_other_schema_has_a_living_one_of_its_number(
    cells: Cells,
) -> None:
    async with AsyncExitStack() as stack:
        number = dispatchers.LOWEST
        await join(stack, cells.one, number)
        dead, _ = await join(stack, cells.other, number)
        await dead.execute("select pg_advisory_unlock_all()")
        mine, me = await join(stack, cells.other, number + 1)
        await age(mine)

        await dispatchers.rescue(mine, me)

        assert await cells.other.serving.fetchval("select array_agg(number) from dispatcher") == [me]
        assert await cells.one.serving.fetchval("select array_agg(number) from dispatcher") == [number]


async def test_a_paused_dispatcher_is_kept_by_its_lock_although_the_other_schema_searches_for_dead_ones(
    cells: Cells,
) -> None:
    async with AsyncExitStack() as stack:
        number = dispatchers.LOWEST
        await join(stack, cells.one, number)
        for database in (cells.one, cells.other):
            mine, me = await join(stack, database, number + 1)
            await age(mine)
            await dispatchers.rescue(mine, me)

        assert await cells.one.serving.fetchval("select count(*) from dispatcher") == 2
        assert await cells.other.serving.fetchval("select count(*) from dispatcher") == 1


async def test_a_duty_of_one_schema_does_not_block_the_others(cells: Cells) -> None:
    async with cells.one.holding.acquire() as one, cells.other.holding.acquire() as other:
        hour = timedelta(hours=1)
        async with duties.duty(one, 1, every=hour) as first, duties.duty(other, 1, every=hour) as second:
            assert (first, second) == (True, True)


async def test_hints_of_one_schema_do_not_wake_the_other(cells: Cells) -> None:
    heard: dict[str, list[Hint]] = {"one": [], "other": []}
    woken = asyncio.Event()

    def hear(hint: Hint) -> None:
        heard["one"].append(hint)
        woken.set()

    async with (
        cells.one.holding.acquire() as one,
        cells.other.holding.acquire() as other,
        hints.listening(one, hear),
        hints.listening(other, heard["other"].append),
    ):
        for database in (cells.other, cells.one):
            async with database.engine.acquire() as session:
                await hints.tell(session, Hint(all=True, by_hand=database is cells.one))
        await asyncio.wait_for(woken.wait(), HANGS_AFTER_SECONDS)

    assert [hint.by_hand for hint in heard["one"]] == [True]
    assert all(not hint.by_hand for hint in heard["other"])


def reported(account: UUID) -> Request:
    scan = Checkpoint("2026-07-01T08:00:00", "Scanned")
    return Request(account, "A1", "dhl", Update(Source.API, (scan,)), create=True)


async def events(database: Database, account: UUID) -> int:
    async with database.serving.acquire() as session:
        return len(await feed.events_after(session, account, UUID(int=0), 10))


async def test_only_transactions_of_the_same_schema_delay_the_feed(cells: Cells) -> None:
    accounts = [await add_account(database) for database in (cells.one, cells.other)]
    others = await asyncpg.connect(cells.url)
    async with cells.other.engine.acquire() as open_one, open_one.transaction(), others.transaction():
        await others.execute("create table of_somebody_else (id integer)")
        await write(open_one, [reported(accounts[1])], frozenset())
        async with cells.one.engine.acquire() as session, session.transaction():
            await write(session, [reported(accounts[0])], frozenset())
            assert await events(cells.one, accounts[0]) == 0

        assert await events(cells.one, accounts[0]) == 1
        assert await events(cells.other, accounts[1]) == 0
    assert await events(cells.other, accounts[1]) == 1
    await others.close()
