"""What was in hand when a dispatcher died: when that counts against it, and when it does not."""

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from tests.flow.test_queue import LEASE, claim, refused, report, settle
from tests.support.databases import add_account, add_endpoint
from waypost.domain.suspicion import SUSPECT_AFTER
from waypost.store import queue
from waypost.store.database import Database
from waypost.store.rows import Claimed, Finished

PARENT, ANOTHER = uuid4(), uuid4()
_LONG_STARTED = "select now() - pg_postmaster_start_time() > interval '10 seconds'"


@dataclass
class Place:
    """An endpoint for which two deliveries wait."""

    database: Database
    endpoint: UUID

    async def die(self, witness: UUID | None, *, holding: int = 2) -> None:
        """Let a dispatcher that holds so many die."""
        async with self.database.engine.acquire() as session:
            number = await queue.join(session, child=True, witness=witness)
            held = await claim(self.database, self.endpoint, free=holding, dispatcher=number)
            assert len(held) == holding

    async def find(self, witness: UUID | None, *, alone: bool = True) -> None:
        """Let another dispatcher look for those that died."""
        async with self.database.engine.acquire() as session:
            number = await queue.join(session, child=True, witness=witness)
            await queue.rescue(session, number, alone=alone, witness=witness)
            await queue.leave(session, number)

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
async def place(database: Database) -> Place:
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)
    for number in ("A1", "A2"):
        await report(database, account, number, 8)
    return Place(database, endpoint)


async def test_a_death_that_the_parent_outlived_counts_against_what_was_in_hand(place: Place) -> None:
    await place.die(PARENT, holding=1)
    await place.find(PARENT)

    assert sorted(await place.deaths()) == [0, 1]
    assert await place.held() == 0


@pytest.mark.parametrize("witness", [None, ANOTHER])
async def test_a_death_of_which_only_the_silence_is_known_counts_against_nothing(
    place: Place, witness: UUID | None
) -> None:
    await place.die(witness)
    await place.find(PARENT)

    assert (await place.deaths(), await place.held()) == ([0, 0], 0)


async def test_who_has_a_parent_is_left_to_his_successor_for_some_seconds(place: Place) -> None:
    async with asyncio.timeout(20):
        while not await place.database.serving.fetchval(_LONG_STARTED):
            pass
    await place.die(PARENT)
    await place.find(ANOTHER, alone=False)
    assert await place.held() == 2

    await place.database.serving.execute("update dispatcher set seen_at = now() - interval '11 seconds'")
    await place.find(ANOTHER, alone=False)

    assert (await place.deaths(), await place.held()) == ([0, 0], 0)


async def test_a_dispatcher_that_goes_on_under_another_number_has_not_died(place: Place) -> None:
    database = place.database
    async with database.engine.acquire() as silent, database.engine.acquire() as session:
        old = await queue.join(
            silent, child=True, witness=PARENT
        )  # the server has not noticed that this session is over
        await claim(database, place.endpoint, dispatcher=old)
        assert await queue.join(session, old, child=True, witness=PARENT) != old
    await place.find(PARENT)

    assert (await place.deaths(), await place.held()) == ([0, 0], 0)


async def test_an_attempt_that_ends_between_two_deaths_clears_what_was_in_hand(place: Place) -> None:
    await place.die(PARENT)
    await place.find(PARENT)

    await settle(place.database, *map(refused, await claim(place.database, place.endpoint)))

    assert await place.deaths() == [0, 0]


async def test_what_is_given_back_unsent_is_not_cleared(place: Place) -> None:
    await place.die(PARENT)
    await place.find(PARENT)

    given_back = [Finished(one, None, None) for one in await claim(place.database, place.endpoint)]
    await settle(place.database, *given_back)

    assert await place.deaths() == [1, 1]


async def test_suspects_are_claimed_apart_and_the_next_death_counts_against_them_alone(place: Place) -> None:
    for _ in range(SUSPECT_AFTER):
        await place.die(PARENT, holding=1)
        await place.find(PARENT)
    assert sorted(await place.deaths()) == [0, SUSPECT_AFTER]

    async with place.database.engine.acquire() as session:
        number = await queue.join(session, child=True, witness=PARENT)
        (other,) = await claim(place.database, place.endpoint, dispatcher=number)
        (suspect,) = await place.suspects(number)
        assert (other.deaths, suspect.deaths) == (0, SUSPECT_AFTER)
        assert await place.suspects(number) == []
    await place.find(PARENT)

    assert sorted(await place.deaths()) == [0, SUSPECT_AFTER + 1]
