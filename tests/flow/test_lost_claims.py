"""A dispatcher that lost its session keeps deliveries in flight, and releases those leased but not started."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from tests.flow.test_dispatch import Way
from tests.flow.test_intake import reporting, scan
from tests.flow.test_queue import claim, report
from tests.support.databases import add_account, add_endpoint
from tests.support.receiver import HANGS_AFTER_SECONDS, OK, Peer, receiving
from waypost.app.sending import dispatcher_part
from waypost.app.supervisor import keep_running
from waypost.dispatch import dispatcher, scouting
from waypost.dispatch.run import clock
from waypost.intake.batch import write
from waypost.store import dispatchers
from waypost.store.database import Database
from waypost.store.trouble import LOST

_LEASE_TO_THE_DISPATCHER = """
update due set lease_no = 1, leased_by = (select number from dispatcher), leased_until = now() + interval '1 day'
where leased_by is null
"""
_END_ITS_SESSION = """
select pg_terminate_backend(l.pid) from pg_locks l join dispatcher d on d.number = l.objid::bigint
where l.locktype = 'advisory' and l.database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def claim_and_lose_the_answer(way: Way, account: UUID, number: str) -> None:
    """Report a parcel whose delivery the dispatcher leases and never hears of."""
    async with way.database.engine.acquire() as session, session.transaction():
        await write(session, [reporting(account, number, scan(8))], frozenset())
        await session.execute(_LEASE_TO_THE_DISPATCHER)


async def test_a_claim_with_a_lost_result_does_not_wait_for_its_lease(database: Database, account: UUID) -> None:
    way, stop, answered = Way(database), asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        await answered.wait()
        await peer.write(OK)

    way.intake.start()
    async with receiving(lambda number: slow if number == 1 else OK) as receiver:
        await way.add_endpoint(account, receiver.url)
        serving = asyncio.create_task(way.dispatcher.serve(stop))
        await way.intake.submit([reporting(account, "A1", scan(8))])
        await receiver.received(1)
        await claim_and_lose_the_answer(way, account, "B1")
        await database.serving.execute(_END_ITS_SESSION)
        with pytest.raises(LOST):
            await serving

        serving = asyncio.create_task(way.dispatcher.serve(stop))
        await receiver.received(2)
        answered.set()

        assert await way.settled(2) == [("delivered", None, 1)] * 2
        numbers = await database.serving.fetch("select number from attempt order by delivery")
        assert [row["number"] for row in numbers] == [1, 2]
        assert len(receiver.requests) == 2
        await way.intake.stop()
        stop.set()
        await serving


async def test_attempts_in_flight_are_recorded_if_the_stop_comes_between_the_loss_of_the_session_and_the_next_one(
    database: Database, account: UUID
) -> None:
    way, stop, answered = Way(database), asyncio.Event(), asyncio.Event()
    part = dispatcher_part(way.dispatcher)

    async def slow(peer: Peer) -> None:
        await answered.wait()
        await peer.write(OK)

    async def serve_until_it_fails(stop: asyncio.Event) -> None:
        if stop.is_set():
            answered.set()
        try:
            await part.serve(stop)
        finally:
            stop.set()

    way.intake.start()
    async with receiving(lambda _number: slow) as receiver:
        await way.add_endpoint(account, receiver.url)
        running = asyncio.create_task(keep_running(replace(part, serve=serve_until_it_fails), stop, database.outage))
        await way.intake.submit([reporting(account, "A1", scan(8))])
        await receiver.received(1)
        await database.serving.execute(_END_ITS_SESSION)
        await running

    assert await database.serving.fetchval("select array_agg(state) from settled") == ["delivered"]
    assert await way.outcomes() == ["succeeded"]
    assert await database.serving.fetchval("select count(*) from dispatcher") == 0
    await way.intake.stop()


async def test_a_dispatcher_begins_nothing_after_its_session_has_ended(
    database: Database, account: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scouting, "SCOUT_SECONDS", 3600.0)  # it must not notice by looking
    frozen = [clock()]
    monkeypatch.setattr(dispatcher, "clock", lambda: frozen[0] if frozen else clock())  # the rate limit lets one begin
    way, stop, answered = Way(database), asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        await answered.wait()
        await peer.write(OK)

    way.intake.start()
    async with receiving(lambda number: slow if number == 1 else OK) as receiver:
        endpoint = await way.add_endpoint(account, receiver.url)
        await database.serving.execute("update endpoint set rate_limit_per_second = 3 where id = $1", endpoint)
        serving = asyncio.create_task(way.dispatcher.serve(stop))
        await way.intake.submit([reporting(account, parcel, scan(8)) for parcel in ("A1", "B1", "C1")])
        await receiver.received(1)
        await database.serving.execute(_END_ITS_SESSION)
        with pytest.raises(LOST):
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                await serving
        assert way.dispatcher.in_flight == 3
        frozen.clear()
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while way.dispatcher.in_flight > 1:  # noqa: ASYNC110 - no event says that what waited was given back
                await asyncio.sleep(0)

        assert len(receiver.requests) == 1
        monkeypatch.undo()
        answered.set()
        serving = asyncio.create_task(way.dispatcher.serve(stop))
        assert await way.settled(3) == [("delivered", None, 1)] * 3
        assert len(receiver.requests) == 3
        await way.intake.stop()
        stop.set()
        await serving


async def test_leases_of_a_number_that_cannot_be_reused_are_handed_over(database: Database, account: UUID) -> None:
    endpoint = await add_endpoint(database, account)
    for parcel in ("A1", "B1"):
        await report(database, account, parcel, 8)
    async with database.engine.acquire() as lost, database.engine.acquire() as mine:
        before = await dispatchers.join(lost)
        in_hand, unbegun = await claim(database, endpoint, dispatcher=before)

        number = await dispatchers.join(mine, before)
        await dispatchers.come_back(mine, number, before=before, in_hand={in_hand.id})

        leases = {row["id"]: row["leased_by"] for row in await mine.fetch("select id, leased_by from due")}
        assert leases == {in_hand.id: number, unbegun.id: None}
        numbers = await mine.fetch("select number from dispatcher")
        assert [row["number"] for row in numbers] == [number] != [before]
