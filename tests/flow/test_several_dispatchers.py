"""Several dispatchers on one database: each endpoint has one owner, and one that leaves or stalls is replaced."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import cast
from uuid import UUID

import pytest
from asyncpg import Record

from tests.flow.test_dispatch import QUICK, VAULT, Way
from tests.flow.test_intake import reporting, scan
from tests.support.databases import PLACE, add_account
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, Receiver, answering, receiving
from waypost import rest
from waypost.dispatch import scouting
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.lanes import IN_FLIGHT
from waypost.dispatch.run import Sender, SendSettings
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.rendezvous import owner
from waypost.domain.retry import Policy
from waypost.intake.batch import write
from waypost.store import dispatchers, queue
from waypost.store.database import Database
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.statements import SENT, Session

ENDPOINTS = 10
Senders = dict[str, set[str]]


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


@asynccontextmanager
async def dispatcher(
    way: Way, name: str, hinted: list[UUID] | None = None, *, policy: Policy = QUICK
) -> AsyncIterator[Dispatcher]:
    """Run one more dispatcher, which has joined by then; the user-agent of its requests contains its name.

    ``hinted`` receives the hinted endpoints that belong to another dispatcher.
    """
    sender = Sender(way.guard, way.transport, VAULT, SendSettings(name, policy))
    tell = None if hinted is None else hinted.extend
    made = Dispatcher(way.database, sender, tell_others=tell)
    stop = asyncio.Event()
    serving = asyncio.create_task(made.serve(stop))
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while not made.measures().running:
            await way.database.serving.fetchval("select 1")
    try:
        async with asyncio.timeout(20):
            while not made.measures().running:  # the next one joins later
                await way.database.serving.fetchval("select 1")
        yield made
    finally:
        stop.set()
        await serving


async def report(way: Way, account: UUID, numbers: range) -> None:
    await way.intake.submit([reporting(account, f"A{number:03}", scan(8)) for number in numbers])


def senders(receiver: Receiver, since: int = 0) -> Senders:
    """Return the dispatchers that have sent to each endpoint."""
    found: Senders = defaultdict(set)
    for request in receiver.requests[since:]:
        found[request.path].add(request.headers["user-agent"])
    return found


async def until_shared(database: Database, *dispatchers: Dispatcher) -> None:
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while any(not one.is_serving or one.peers != len(dispatchers) - 1 for one in dispatchers):
            await database.serving.fetchval("select count(*) from dispatcher")


async def test_each_endpoint_has_one_owner_and_another_after_it_leaves(database: Database, account: UUID) -> None:
    way = Way(database)
    way.intake.start()
    async with receiving() as receiver:
        paths = {await way.add_endpoint(account, f"{receiver.url}/{n}"): f"/hook/{n}" for n in range(ENDPOINTS)}
        hinted: list[UUID] = []
        async with dispatcher(way, "first", hinted) as first:
            async with dispatcher(way, "second") as second:
                way.dispatcher = first
                await until_shared(database, first, second)
                await report(way, account, range(20))
                await receiver.received(20 * ENDPOINTS)
                owners = senders(receiver)
                assert {paths[one] for one in hinted} == {path for path, by in owners.items() if by == {"second"}}
            await until_shared(database, first)
            before = len(receiver.requests)
            await report(way, account, range(20, 30))
            await receiver.received(before + 10 * ENDPOINTS)

    assert [len(one) for one in owners.values()] == [1] * ENDPOINTS
    assert set.union(*owners.values()) == {"first", "second"}
    assert set.union(*senders(receiver, before).values()) == {"first"}
    await way.intake.stop()


async def test_one_that_stops_leaves_its_endpoints_to_the_others_before_its_attempts_have_ended(
    database: Database, account: UUID
) -> None:
    way, stop = Way(database), asyncio.Event()
    way.intake.start()
    async with receiving(lambda number: HANG if number <= IN_FLIGHT else OK) as receiver:
        leaving = Dispatcher(database, Sender(way.guard, way.transport, VAULT, SendSettings("leaving", QUICK)))
        serving = asyncio.create_task(leaving.serve(stop))
        await until_shared(database, leaving)
        async with dispatcher(way, "staying") as staying:
            await until_shared(database, leaving, staying)
            way.dispatcher = leaving
            await endpoint_of_the_first(way, account, receiver.url)
            await report(way, account, range(IN_FLIGHT + 4))
            await receiver.received(IN_FLIGHT)

            beats = SENT["beat"]
            stop.set()
            await receiver.received(IN_FLIGHT + 4)

            assert not serving.done()
            assert SENT["beat"] - beats <= 2  # a silent dispatcher counts as working for five of them
            assert [one.headers["user-agent"] for one in receiver.requests[-4:]] == ["staying"] * 4
            for peer in list(receiver.open):
                peer.abort()
            await serving
    await way.intake.stop()


async def test_one_that_is_at_rest_notices_at_once_that_another_joins(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(scouting, "AT_REST_SECONDS", 3600.0)
    way, looks = Way(database), SENT["scout"]
    async with dispatcher(way, "first") as first:
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while SENT["scout"] == looks:
                await database.serving.fetchval("select 1")

        async with dispatcher(way, "second") as second:
            await until_shared(database, first, second)


async def endpoint_of_the_first(way: Way, account: UUID, url: str) -> UUID:
    """Return an endpoint owned by the dispatcher that joined first."""
    rows = await way.database.serving.fetch("select number from dispatcher order by joined_at")
    first, *_ = numbers = [row["number"] for row in rows]
    while True:
        endpoint = await way.add_endpoint(account, url)
        if owner(endpoint, frozenset(numbers)) == first:
            return endpoint
        await way.database.serving.execute("delete from endpoint where id = $1", endpoint)


async def test_the_owner_probes_an_endpoint_that_accepted_another_dispatchers_test(
    database: Database, account: UUID
) -> None:
    way, slow = Way(database), Policy(base_seconds=3600)
    way.intake.start()
    async with (
        receiving(lambda number: answering(500) if number <= OPENS_AFTER else OK) as receiver,
        dispatcher(way, "first", policy=slow) as first,
        dispatcher(way, "second", policy=slow) as second,
    ):
        await until_shared(database, first, second)
        way.dispatcher = first
        endpoint = await endpoint_of_the_first(way, account, receiver.url)
        await report(way, account, range(OPENS_AFTER))
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while first.measures().breakers != {"open": 1}:
                await database.serving.fetchval("select 1")
        await report(way, account, range(OPENS_AFTER, OPENS_AFTER + 1))

        async with database.serving.acquire() as session:
            await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))
        second.hint_by_hand()

        *_, test, probe = await receiver.received(OPENS_AFTER + 2)
        assert [one.headers["user-agent"] for one in (test, probe)] == ["second", "first"]
    await way.intake.stop()


async def test_what_nobody_hinted_is_found_by_one_dispatcher_and_sent_by_its_owner(
    database: Database, account: UUID
) -> None:
    way = Way(database)
    async with receiving() as receiver:
        paths = {await way.add_endpoint(account, f"{receiver.url}/{n}"): f"/hook/{n}" for n in range(ENDPOINTS)}
        async with dispatcher(way, "first") as first, dispatcher(way, "second") as second:
            await until_shared(database, first, second)
            async with database.engine.acquire() as session, session.transaction():
                await write(session, [reporting(account, "A1", scan(8))], frozenset())
            await receiver.received(ENDPOINTS)

            rows = await database.serving.fetch("select number from dispatcher order by joined_at")
            names = dict(zip((row["number"] for row in rows), ("first", "second"), strict=True))
            assert senders(receiver) == {path: {names[owner(endpoint, names) or 0]} for endpoint, path in paths.items()}


async def test_more_dispatchers_do_not_look_at_the_lanes_more_often(
    database: Database, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scouting, "SCOUT_SECONDS", 0.01)
    way, rounds, looks = Way(database), 20, []
    await way.add_endpoint(account, "http://127.0.0.1:9/")

    for count in (1, 2, 4):
        async with AsyncExitStack() as running:
            made = [await running.enter_async_context(dispatcher(way, f"{n}")) for n in range(count)]
            await until_shared(database, *made)
            before = SENT.copy()
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                while SENT["beat"] - before["beat"] < rounds * count:
                    await database.serving.fetchval("select 1")
            looks.append(max(SENT[name] - before[name] for name in ("scout", "claim_by_hand")))

    assert max(looks) < 1.5 * rounds, looks


class Interrupted:
    """A session after each of whose statements another dispatcher looks for those that died."""

    def __init__(self, session: Session, other: Session, number: int) -> None:
        self._session, self._other, self._number = session, other, number

    async def fetchrow(self, text: str, *arguments: object) -> Record | None:
        row = await self._session.fetchrow(text, *arguments)
        await dispatchers.rescue(self._other, self._number, place=PLACE)
        return row


async def test_a_joining_dispatcher_is_not_mistaken_for_dead(database: Database) -> None:
    async with database.engine.acquire() as mine, database.engine.acquire() as other:
        first = await dispatchers.join(other, place=PLACE)
        number = await dispatchers.join(
            cast("Session", Interrupted(mine, other, first)), place=DispatcherSlot(UUID(int=2), 0)
        )

        assert await dispatchers.rescue(other, first, place=PLACE) == {number}


_STARTED = """
create schema started;
create function started.pg_postmaster_start_time() returns timestamptz stable language sql as 'select {}';
set search_path = public, started, pg_catalog
"""
_JUST_RESTARTED = _STARTED.format("now()")
_LONG_STARTED = _STARTED.format("now() - interval ''1 day''")


async def test_after_a_postgresql_restart_only_certainly_dead_dispatchers_count_as_dead(database: Database) -> None:
    async with AsyncExitStack() as sessions:
        mine, *lost = [await sessions.enter_async_context(database.engine.acquire()) for _ in range(4)]
        await mine.execute(_JUST_RESTARTED)
        me = await dispatchers.join(mine, place=PLACE)
        places = (DispatcherSlot(PLACE.parent, 1), DispatcherSlot(UUID(int=2), 1), PLACE)
        beside, _of_an_earlier_serve, _before_me = [
            await dispatchers.join(session, place=place) for session, place in zip(lost, places, strict=True)
        ]
        for session in lost:
            await session.execute("select pg_advisory_unlock_all()")

        assert await dispatchers.rescue(mine, me, place=PLACE) == {beside}


async def test_after_a_failover_dispatchers_get_time_to_reconnect_before_they_count_as_dead(
    database: Database,
) -> None:
    async with database.engine.acquire() as mine, database.engine.acquire() as lost:
        await mine.execute(_LONG_STARTED)
        me, other = await dispatchers.join(mine), await dispatchers.join(lost, place=DispatcherSlot(UUID(int=2), 0))
        await lost.execute("select pg_advisory_unlock_all()")
        await mine.execute("update dispatcher set seen_at = now() - interval '1 minute', joined_at = '2020-01-01'")

        assert await dispatchers.join(mine, me) == me
        await dispatchers.rescue(mine, me)
        assert await dispatchers.join(lost, other) == other

        await lost.execute("select pg_advisory_unlock_all()")
        await mine.execute("update dispatcher set seen_at = now() - interval '1 minute', joined_at = '2020-01-01'")
        await dispatchers.rescue(mine, me)
        assert await dispatchers.join(lost, other) != other


async def test_looking_for_dead_dispatchers_takes_two_statements_while_all_work(database: Database) -> None:
    async with AsyncExitStack() as sessions:
        held = [await sessions.enter_async_context(database.engine.acquire()) for _ in range(4)]
        places = [DispatcherSlot(UUID(int=machine), 0, alone=False) for machine in range(4)]
        numbers = [await dispatchers.join(session, place=place) for session, place in zip(held, places, strict=True)]
        before = SENT.total()

        works = await dispatchers.rescue(held[0], numbers[0], place=places[0])

        assert (works, SENT.total() - before) == (set(numbers[1:]), 2)


async def test_a_stalled_dispatcher_with_its_lock_gets_no_endpoints(database: Database) -> None:
    async with database.engine.acquire() as paused, database.engine.acquire() as mine:
        number, me = await dispatchers.join(paused), await dispatchers.join(mine)
        assert await dispatchers.rescue(mine, me) == {number}

        await database.serving.execute(
            "update dispatcher set seen_at = now() - $2::interval where number = $1", number, timedelta(seconds=6)
        )

        assert await dispatchers.rescue(mine, me) == set()
        await dispatchers.rescue(paused, number)
        assert await dispatchers.rescue(mine, me) == {number}
