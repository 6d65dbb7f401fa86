"""What one account has due never delays another's deliveries: how claims share what is due."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from tests.flow.test_dispatch import Way
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.dispatch.attempts import LeasedDelivery
from waypost.dispatch.claims import BUSY_ROOM, LIGHT, LIGHT_LANES, LIGHT_ROWS, Claims
from waypost.dispatch.lanes import Lanes
from waypost.dispatch.membership import Membership
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.statements import SENT

SLOTS = 1024
_PILE = """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering)
select $1, uuidv7(), endpoint, gen_random_uuid(), $2, 1, 'ordered'
from unnest($3::uuid[]) as endpoint cross join generate_series(1, $4::integer)
"""


class Claiming:
    """Claims for the endpoints of two accounts, and what each claim brought."""

    def __init__(self, database: Database) -> None:
        self.database = database
        membership = Membership()
        membership.update(1, [], 0.0)
        self.lanes = Lanes()
        self.taken: list[list[UUID]] = []
        self.claims = Claims(
            *(database, self.lanes, membership),
            slots=SLOTS,
            lease=timedelta(seconds=60),
            take_up=self.take_up,
            give_back=lambda _unbegun: None,
        )

    def take_up(self, claimed: Sequence[LeasedDelivery]) -> None:
        for leased in claimed:
            self.lanes[leased.claimed.endpoint].waiting.append(leased)
        self.taken.append([leased.claimed.endpoint for leased in claimed])

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not holds():
                await self.database.engine.fetchval("select 1")


@asynccontextmanager
async def claiming(claims: Claims) -> AsyncIterator[None]:
    serving = asyncio.create_task(claims.serve(1))
    try:
        yield
    finally:
        await end(serving)


@pytest.fixture
async def way(database: Database) -> Way:
    return Way(database)


async def piled_up(way: Way, account: UUID, endpoints: int, each: int) -> list[UUID]:
    """Return endpoints of an account, and queue this number of deliveries for each."""
    made = [await way.add_endpoint(account, "http://127.0.0.1:9/") for _ in range(endpoints)]
    way.intake.start()
    await way.intake.submit([reporting(account, "P", scan(8))])
    await way.intake.stop()
    (event,) = await way.database.serving.fetch("select bucket, event from due where endpoint = $1", made[0])
    await way.database.serving.execute(_PILE, *event, made, each - 1)
    return made


async def test_a_delivery_is_in_the_first_claim_though_another_account_has_more_lanes_due_than_a_claim_takes(
    database: Database, way: Way
) -> None:
    theirs = await piled_up(way, await add_account(database), LIGHT_LANES + 10, 20)
    (ours,) = await piled_up(way, await add_account(database), 1, 1)
    there = Claiming(database)
    there.claims.hint(theirs)
    there.claims.hint([ours])

    async with claiming(there.claims):
        await there.until(lambda: there.taken)

    assert ours in there.taken[0]
    assert len(there.taken[0]) <= LIGHT_LANES * LIGHT_ROWS


async def test_a_claim_does_not_wait_for_another_accounts_large_claim_in_progress(database: Database, way: Way) -> None:
    (theirs,) = await piled_up(way, await add_account(database), 1, 100)
    (ours,) = await piled_up(way, await add_account(database), 1, 1)
    there = Claiming(database)
    there.lanes[theirs].in_flight = LIGHT
    before = SENT["claim"]
    async with claiming(there.claims):
        async with database.serving.acquire() as session, session.transaction():
            await session.execute("lock table account in access exclusive mode")  # which claims read
            there.claims.hint([theirs])
            await there.until(lambda: SENT["claim"] == before + 1)

            there.claims.hint([ours])

            await there.until(lambda: SENT["claim"] == before + 2)
        await there.until(lambda: len(there.taken) == 2)

    assert sorted(map(set, there.taken), key=str) == sorted([{theirs}, {ours}], key=str)


async def test_a_claim_waits_for_a_small_one_in_progress_of_its_account_but_not_for_another_accounts(
    database: Database, way: Way
) -> None:
    first, second = await piled_up(way, await add_account(database), 2, 1)
    (ours,) = await piled_up(way, await add_account(database), 1, 1)
    there = Claiming(database)
    before = SENT["claim"]
    async with claiming(there.claims):
        async with database.serving.acquire() as session:
            await there.claims.refresh(session, [first, second, ours])
        async with database.serving.acquire() as session, session.transaction():
            await session.execute("lock table account in access exclusive mode")  # which claims read
            there.claims.hint([first])
            await there.until(lambda: SENT["claim"] == before + 1)

            there.claims.hint([second, ours])

            await there.until(lambda: SENT["claim"] == before + 2)
        await there.until(lambda: len(there.taken) == 3)

    assert sorted(there.taken) == sorted([[first], [ours], [second]])


async def test_a_hint_during_a_large_claim_is_followed_although_the_lane_has_become_light(
    database: Database, way: Way
) -> None:
    account = await add_account(database)
    endpoint = await way.add_endpoint(account, "http://127.0.0.1:9/")
    there = Claiming(database)
    there.lanes[endpoint].in_flight = LIGHT
    before = SENT["claim"]
    async with claiming(there.claims):
        async with database.serving.acquire() as session, session.transaction():
            await session.execute("lock table account in access exclusive mode")  # which claims read
            there.claims.hint([endpoint])
            await there.until(lambda: SENT["claim"] == before + 1)

            there.lanes[endpoint].in_flight = 0
            there.claims.hint([endpoint])
            await there.until(lambda: not there.claims._small.is_set())

        await there.until(lambda: SENT["claim"] == before + 2)


async def test_a_lane_that_no_slot_was_left_for_is_claimed_as_soon_as_an_attempt_of_another_one_ends(
    database: Database, way: Way
) -> None:
    (ours,) = await piled_up(way, await add_account(database), 1, 1)
    (busy,) = await piled_up(way, await add_account(database), 1, 1)
    there = Claiming(database)
    there.lanes[busy].in_flight = SLOTS
    async with database.serving.acquire() as session:
        await there.claims.refresh(session, [ours, busy])
    async with claiming(there.claims):
        there.claims.hint([ours])
        await there.until(lambda: not (there.claims._small.is_set() or there.claims._large.is_set()))
        assert not there.taken

        there.lanes[busy].in_flight -= 1
        there.claims.ended(busy)

        await there.until(lambda: there.taken == [[ours]])


async def test_a_busy_lane_that_is_empty_for_a_moment_gets_all_that_is_due_in_one_claim(
    database: Database, way: Way
) -> None:
    (busy,) = await piled_up(way, await add_account(database), 1, 40)
    there = Claiming(database)
    there.lanes[busy].room = BUSY_ROOM
    there.claims.hint([busy])

    async with claiming(there.claims):
        await there.until(lambda: there.taken)

    assert there.taken[0] == [busy] * 40
