"""One endpoint's trouble costs the others nothing (promise 5): breaker, rate limit, caps, more than one address."""

import asyncio
from ipaddress import ip_address
from uuid import UUID

import pytest

from tests.flow.test_dispatch import HASTY_SECONDS, QUICK, VAULT, Names, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import PLACE, add_account
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, Peer, Receiver, Script, always, answering, receiving
from waypost.dispatch import manual_sends
from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.lanes import IN_FLIGHT
from waypost.dispatch.run import Sender, SendSettings
from waypost.domain import ids
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.endpoints import DisabledReason
from waypost.domain.retry import Policy
from waypost.intake.batch import write
from waypost.store import endpoint_changes, queue
from waypost.store.database import Database
from waypost.store.queue import Lane
from waypost.store.statements import Session

_SOMEBODY_WAITS = """
select exists (select from pg_locks where not granted
               and database = (select oid from pg_database where datname = current_database()))
"""
_ALL_CLAIMED_ONCE_AND_FREE = "select count(*) = $1 from due where lease_no = 1 and leased_by is null"
MANY = 120
HEALTHY = 4


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def report(way: Way, account: UUID, count: int, *, first: int = 0) -> None:
    await way.intake.submit([reporting(account, f"A{number:04}", scan(8)) for number in range(first, first + count)])


async def test_a_hanging_endpoint_with_a_backlog_costs_healthy_ones_nothing(database: Database, account: UUID) -> None:
    async with (
        receiving(always(HANG)) as dead,
        receiving() as healthy,
        running(Way(database, policy=Policy(base_seconds=3600), timeout_seconds=HASTY_SECONDS)) as way,
    ):
        await way.add_endpoint(account, dead.url)
        for _ in range(HEALTHY):
            await way.add_endpoint(account, healthy.url)

        await report(way, account, MANY)

        await healthy.received(HEALTHY * MANY)
        await report(way, account, MANY, first=MANY)
        await healthy.received(2 * HEALTHY * MANY)
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while (await way.outcomes()).count("timed_out") < OPENS_AFTER:
                pass
        assert len(dead.requests) < 2 * IN_FLIGHT
        assert way.dispatcher.measures().breakers in ({"open": 1}, {"probing": 1})  # by the time that this took


async def test_an_open_breaker_sends_one_probe_and_closes_when_it_succeeds(database: Database, account: UUID) -> None:
    failing = OPENS_AFTER + 1
    async with (
        receiving(lambda number: answering(500) if number <= failing else OK) as receiver,
        running(Way(database)) as way,
    ):
        await way.add_endpoint(account, receiver.url)
        for number in range(failing - 1):
            await report(way, account, 1, first=number)
            await receiver.received(number + 1)

        await report(way, account, 10, first=100)

        await way.settled(failing + 9)
        assert way.dispatcher.measures().breakers == {}


async def test_manual_sends_wait_for_no_breaker_or_rate_limit(database: Database, account: UUID) -> None:
    way = Way(database, policy=Policy(base_seconds=3600))
    async with receiving(always(answering(500))) as receiver, running(way):
        endpoint = await way.add_endpoint(account, receiver.url)
        await report(way, account, OPENS_AFTER)
        await receiver.received(OPENS_AFTER)
        await limit(database, endpoint, 1)
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while way.dispatcher.measures().breakers != {"open": 1}:
                await way.outcomes()

        async with database.serving.acquire() as session:
            await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))
        await resend_all(database)
        way.dispatcher.hint_by_hand()

        requests = await receiver.received(2 * OPENS_AFTER + 1)
        assert sum("waypost-test" in one.headers for one in requests) == 1
        assert way.dispatcher.measures().breakers == {"open": 1}


@pytest.mark.usefixtures("nobody_looks")
async def test_what_is_claimed_while_a_breaker_opens_is_given_back(database: Database, account: UUID) -> None:
    answer = asyncio.Event()

    async def fail_later(peer: Peer) -> None:
        await answer.wait()
        await peer.write(answering(500))

    way = Way(database, policy=Policy(base_seconds=3600))
    async with receiving(always(fail_later)) as receiver, running(way), database.serving.acquire() as other:
        endpoint = await way.add_endpoint(account, receiver.url)
        await report(way, account, OPENS_AFTER)
        await receiver.received(OPENS_AFTER)
        more = [reporting(account, f"B{number}", scan(8)) for number in range(5)]
        async with other.transaction():
            await write(other, more, frozenset())
        async with other.transaction():
            await other.execute("lock table due in share mode")
            way.dispatcher.hint((endpoint,))
            await until(other, _SOMEBODY_WAITS)

            answer.set()
            while way.dispatcher.measures().breakers != {"open": 1}:
                await other.execute("select 1")

        await until(other, _ALL_CLAIMED_ONCE_AND_FREE, OPENS_AFTER + len(more))
        assert len(receiver.requests) == OPENS_AFTER
        assert way.dispatcher.measures().breakers == {"open": 1}


async def until(session: Session, question: str, *arguments: object) -> None:
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while not (await session.fetch(question, *arguments))[0][0]:
            pass


async def opened(way: Way, account: UUID, receiver: Receiver) -> UUID:
    """Return an endpoint whose breaker is open for minutes, with one more delivery waiting."""
    endpoint = await way.add_endpoint(account, receiver.url)
    await report(way, account, OPENS_AFTER)
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while way.dispatcher.measures().breakers != {"open": 1}:
            await way.outcomes()
    await report(way, account, 1, first=OPENS_AFTER)
    return endpoint


async def test_an_endpoint_that_accepts_a_test_is_probed_at_once(database: Database, account: UUID) -> None:
    way = Way(database, policy=Policy(base_seconds=3600))
    async with receiving(failing_first(OPENS_AFTER)) as receiver, running(way):
        endpoint = await opened(way, account, receiver)

        async with database.serving.acquire() as session:
            await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))
        way.dispatcher.hint_by_hand()

        assert len(await receiver.received(OPENS_AFTER + 2)) == OPENS_AFTER + 2


async def test_an_endpoint_enabled_again_is_probed_at_once(database: Database, account: UUID) -> None:
    way = Way(database, policy=Policy(base_seconds=3600))
    async with receiving(failing_first(OPENS_AFTER)) as receiver, running(way):
        endpoint = await opened(way, account, receiver)

        async with database.serving.acquire() as session:
            await endpoint_changes.update_enabled(session, account, endpoint, DisabledReason.USER)
            await endpoint_changes.update_enabled(session, account, endpoint, None)

        assert len(await receiver.received(OPENS_AFTER + 1)) == OPENS_AFTER + 1


def failing_first(count: int) -> Script:
    return lambda number: answering(500) if number <= count else OK


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be found that was not hinted, but at a dispatcher's start."""
    monkeypatch.setattr("waypost.dispatch.scouting.SCOUT_SECONDS", 3600)


@pytest.mark.usefixtures("nobody_looks")
@pytest.mark.parametrize("count", [1, 3 * manual_sends.AT_ONCE], ids=["one endpoint", "an endpoint each"])
async def test_one_hint_is_enough_for_many_tests(database: Database, account: UUID, count: int) -> None:
    async with receiving() as receiver, running(Way(database)) as way:
        tested = [await way.add_endpoint(account, receiver.url) for _ in range(count)]
        async with database.serving.acquire() as session:
            for number in range(3 * manual_sends.AT_ONCE):
                random = (2 * number, 2 * number + 1)
                await queue.add_test(session, account, tested[number % count], sample="transit", random=random)

        way.dispatcher.hint_by_hand()

        await receiver.received(3 * manual_sends.AT_ONCE)


async def test_many_resends_to_a_hanging_endpoint_take_only_its_share(database: Database, account: UUID) -> None:
    way = Way(database, policy=Policy(base_seconds=3600))
    async with running(way), receiving(always(HANG)) as dead, receiving() as healthy:
        await way.add_endpoint(account, dead.url)
        await report(way, account, 3 * manual_sends.AT_ONCE)
        other = await way.add_endpoint(account, healthy.url)
        await resend_all(database)
        async with database.serving.acquire() as session:
            await queue.add_test(session, account, other, sample="transit", random=(1, 2))

        way.dispatcher.hint_by_hand()

        await healthy.received(1)
        claimed = await database.serving.fetchval(
            "select count(*) from due where resend_of is not null and leased_until > now()"
        )
        assert claimed < manual_sends.MOST_IN_FLIGHT + manual_sends.AT_ONCE


async def resend_all(database: Database) -> None:
    """Queue everything that waits once more, as by hand."""
    rows = await database.serving.fetch("select * from due where sample is null")
    for number, row in enumerate(rows):
        await database.serving.execute(
            "insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, resend_of)"
            " values ($1, $2, $3, $4, $5, $6, 'unordered', $7)",
            *(row["bucket"], ids.make_id(ids.made_at(row["id"]), row["bucket"], number), row["endpoint"]),
            *(row["tracking"], row["event"], row["sequence"], row["id"]),
        )


async def limit(database: Database, endpoint: UUID, per_second: int) -> None:
    await database.serving.execute("update endpoint set rate_limit_per_second = $2 where id = $1", endpoint, per_second)


async def test_no_more_attempts_start_per_second_than_the_rate_limit(database: Database, account: UUID) -> None:
    async with receiving() as receiver, running(Way(database)) as way:
        endpoint = await way.add_endpoint(account, receiver.url)
        await limit(database, endpoint, 20)

        await report(way, account, 15)

        await way.settled(15)
        took = await database.serving.fetchval("select max(started_at) - min(started_at) from attempt")
        assert took.total_seconds() > 0.5  # 14 distances of a twentieth of a second


async def test_a_lane_that_its_rate_limit_cut_short_is_claimed_again_without_a_scout(
    database: Database, account: UUID
) -> None:
    async with receiving() as receiver:
        way = Way(database)
        endpoints = [await way.add_endpoint(account, receiver.url) for _ in range(2)]
        await limit(database, endpoints[0], 2)
        way.intake.start()
        await report(way, account, 3)
        await way.intake.stop()

        claims = way.dispatcher._claims
        claimed = await claims._claim(1, claims._small, [Lane(endpoint, 16) for endpoint in endpoints])

        assert (claimed, list(claims._due)) == (5, [endpoints[0]])
        await way.dispatcher._attempts.ended(10)


def slotted(way: Way, slots: AddressSlots) -> Way:
    sender = Sender(way.guard, way.transport, VAULT, SendSettings("Waypost/test", QUICK), slots)
    way.dispatcher = Dispatcher(way.database, sender, place=PLACE)
    return way


async def test_endpoints_with_the_same_address_share_its_connections(database: Database, account: UUID) -> None:
    async with receiving() as receiver, running(slotted(Way(database), AddressSlots(2))) as way:
        way.transport._trust.answered(ip_address("127.0.0.1"))
        for _ in range(5):
            await way.add_endpoint(account, receiver.url)

        await report(way, account, 20)

        await way.settled(100)
        assert await way.outcomes() == ["succeeded"] * 100
        # With clients of their own they would open at least one each. A third one may be opened while one of the two is
        # on its way back to the client's pool.
        assert receiver.connections < 5


async def test_the_next_address_of_a_name_is_tried_if_one_cannot_be_reached(database: Database, account: UUID) -> None:
    names = Names(**{"shop.test": ["127.0.0.2", "127.0.0.1"]})
    async with receiving() as receiver, running(Way(database, names=names)) as way:
        await way.add_endpoint(account, f"http://shop.test:{receiver.port}/hook")

        await report(way, account, 1)

        assert await way.settled(1) == [("delivered", None, 1)]
        assert await way.outcomes() == ["succeeded"]


async def test_slots_are_reserved_for_endpoints_without_any(database: Database, account: UUID) -> None:
    hanging = IN_FLIGHT
    way = Way(database, policy=Policy(base_seconds=3600))
    way.dispatcher = Dispatcher(database, way.sender, slots=hanging, place=PLACE)
    async with running(way), receiving(always(HANG)) as dead, receiving() as healthy:
        await way.add_endpoint(account, dead.url)
        await report(way, account, hanging)
        await dead.received(hanging * 3 // 4)

        other = await add_account(database)
        await way.add_endpoint(other, healthy.url)
        await report(way, other, 1)

        await healthy.received(1)


async def test_an_account_with_more_hanging_endpoints_than_slots_leaves_some_to_others(
    database: Database, account: UUID
) -> None:
    way = Way(database, policy=Policy(base_seconds=3600))
    way.dispatcher = Dispatcher(database, way.sender, slots=8, place=PLACE)
    async with running(way), receiving(always(HANG)) as dead, receiving() as healthy:
        for _ in range(10):
            await way.add_endpoint(account, dead.url)
        await report(way, account, 1)
        await dead.received(6)

        other = await add_account(database)
        await way.add_endpoint(other, healthy.url)
        await report(way, other, 1)

        await healthy.received(1)
        assert len(dead.requests) == 6
