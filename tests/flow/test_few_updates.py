"""Few updates are written by two statements; what they find decides what these do."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.flow.test_intake import reporting, scan, until_a_lock_is_waited_for
from tests.support.databases import add_account, add_endpoint
from waypost.intake.batch import write
from waypost.intake.collector import Intake
from waypost.store.database import Database


@pytest.fixture
async def intake(database: Database) -> AsyncIterator[Intake]:
    intake = Intake(database, polled=frozenset(), hint=lambda _endpoints: None)
    intake.start()
    yield intake
    await intake.stop()


async def test_a_parcel_that_somebody_else_is_registering_is_waited_for_and_updated(
    database: Database, intake: Intake
) -> None:
    account = await add_account(database)
    async with database.serving.acquire() as other, other.transaction():
        await write(other, [reporting(account, "A1", scan(8))], frozenset())
        waiting = asyncio.create_task(intake.submit([reporting(account, "A1", scan(9))]))
        await until_a_lock_is_waited_for(database)

    (result,) = await waiting

    assert (result.created, result.changed) == (False, True)
    assert await database.serving.fetchval("select array_agg(sequence order by id) from event") == [1, 2]


async def test_known_and_unknown_parcels_of_one_request_are_updated_and_registered(
    database: Database, intake: Intake
) -> None:
    account = await add_account(database)
    await add_endpoint(database, account)
    await intake.submit([reporting(account, "KNOWN", scan(8))])

    results = await intake.submit(
        [
            reporting(account, "KNOWN", scan(9)),
            reporting(account, "NEW", scan(9)),
            reporting(account, "UNKNOWN", scan(9), create=False),
        ]
    )

    assert [result.created for result in results] == [False, True, False]
    assert [result.event is not None for result in results] == [True, True, False]
    assert await database.serving.fetchval("select count(*) from due where blocked") == 1


async def test_the_first_of_several_updates_of_a_new_parcel_registers_it(database: Database, intake: Intake) -> None:
    account = await add_account(database)

    results = await intake.submit([reporting(account, "A1", create=create) for create in (False, True, True)])

    assert [result.created for result in results] == [True, False, False]
    assert await database.serving.fetchval("select sequence from tracking") == 0
    assert await database.serving.fetchval("select count(*) from watch") == 1
