"""Deliveries in flight when a dispatcher died: when that counts against them, and when not."""

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from tests.flow.test_queue import LEASE, claim, refused, report, settle
from tests.support.databases import add_account, add_endpoint
from waypost.domain.suspicion import SUSPECT_AFTER
from waypost.store import dispatchers, queue
from waypost.store.database import Database
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.rows import Claimed, Finished

PARENT, ANOTHER = DispatcherSlot(uuid4(), 0), DispatcherSlot(uuid4(), 0)
BROTHER = DispatcherSlot(PARENT.parent, 1)
BESIDE = DispatcherSlot(uuid4(), 0, alone=False)
_LONG_STARTED = "select now() - pg_postmaster_start_time() > interval '10 seconds'"


@dataclass
class Scene:
    """An endpoint for which two deliveries wait."""

    database: Database
    endpoint: UUID

    async def die(self, place: DispatcherSlot, *, holding: int = 2) -> None:
        """Kill a dispatcher that holds this number of deliveries."""
        async with self.database.engine.acquire() as session:
            number = await dispatchers.join(session, place=place)
            held = await claim(self.database, self.endpoint, free=holding, dispatcher=number)
            assert len(held) == holding

    async def find(self, place: DispatcherSlot) -> None:
        """Let another dispatcher look for those that died."""
        async with self.database.engine.acquire() as session:
            number = await dispatchers.join(session, place=place)
            await session.execute(
                "update dispatcher set joined_at = now() - interval '1 minute' where number = $1", number
            )
            await dispatchers.rescue(session, number, place=place)
            await dispatchers.leave(session, number)

    async def deaths(self) -> list[int]:
        rows = await self.database.serving.fetch("select deaths from due order by id")
        return [row["deaths"] for row in rows]

    async def held(self) -> int:
        return int(await self.database.serving.fetchval("select count(*) from due where leased_by is not null"))

    async def suspects(self, dispatcher: int) -> list[Claimed]:
        async with self.database.engine.acquire() as session:
            known = await queue.suspects(session, dispatcher)
            return await queue.claim_suspects(session, known, dispatcher=dispatcher, lease=LEASE)


@pytest.fixture
async def scene(database: Database) -> Scene:
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)
    for number in ("A1", "A2"):
        await report(database, account, number, 8)
    return Scene(database, endpoint)


async def test_a_death_observed_by_the_parent_counts_against_deliveries_in_flight(scene: Scene) -> None:
    await scene.die(PARENT, holding=1)
    await scene.find(PARENT)

    assert sorted(await scene.deaths()) == [0, 1]
    assert await scene.held() == 0


async def test_a_death_of_a_previous_serve_counts_against_nothing(scene: Scene) -> None:
    await scene.die(ANOTHER)
    await scene.find(PARENT)

    assert (await scene.deaths(), await scene.held()) == ([0, 0], 0)


@pytest.mark.parametrize("finder", [BROTHER, BESIDE])
async def test_leases_of_a_child_are_left_to_its_successor_for_some_seconds(
    scene: Scene, finder: DispatcherSlot
) -> None:
    async with asyncio.timeout(20):
        while not await scene.database.serving.fetchval(_LONG_STARTED):
            pass
    await scene.die(PARENT)
    await scene.find(finder)
    assert await scene.held() == 2

    await scene.database.serving.execute("update dispatcher set seen_at = now() - interval '11 seconds'")
    await scene.find(finder)

    assert (await scene.deaths(), await scene.held()) == ([0, 0], 0)


async def test_a_dispatcher_that_continues_with_a_new_number_has_not_died(scene: Scene) -> None:
    database = scene.database
    async with database.engine.acquire() as silent, database.engine.acquire() as session:
        old = await dispatchers.join(silent, place=PARENT)  # the server has not noticed that this session is over
        await claim(database, scene.endpoint, dispatcher=old)
        assert await dispatchers.join(session, old, place=PARENT) != old
    await scene.find(PARENT)

    assert (await scene.deaths(), await scene.held()) == ([0, 0], 0)


async def test_a_completed_attempt_between_two_deaths_clears_the_suspicion(scene: Scene) -> None:
    await scene.die(PARENT)
    await scene.find(PARENT)

    await settle(scene.database, *map(refused, await claim(scene.database, scene.endpoint)))

    assert await scene.deaths() == [0, 0]


async def test_releasing_a_delivery_unsent_does_not_clear_the_suspicion(scene: Scene) -> None:
    await scene.die(PARENT)
    await scene.find(PARENT)

    given_back = [Finished(one, None, None) for one in await claim(scene.database, scene.endpoint)]
    await settle(scene.database, *given_back)

    assert await scene.deaths() == [1, 1]


async def test_suspects_are_claimed_separately_and_the_next_death_counts_against_them_only(scene: Scene) -> None:
    for _ in range(SUSPECT_AFTER):
        await scene.die(PARENT, holding=1)
        await scene.find(PARENT)
    assert sorted(await scene.deaths()) == [0, SUSPECT_AFTER]

    async with scene.database.engine.acquire() as session:
        number = await dispatchers.join(session, place=PARENT)
        (other,) = await claim(scene.database, scene.endpoint, dispatcher=number)
        (suspect,) = await scene.suspects(number)
        assert (other.deaths, suspect.deaths) == (0, SUSPECT_AFTER)
        assert await scene.suspects(number) == []
    await scene.find(PARENT)

    assert sorted(await scene.deaths()) == [0, SUSPECT_AFTER + 1]
