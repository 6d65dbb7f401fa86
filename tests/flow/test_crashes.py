"""Deliveries that can't be sent because of an internal error are retried later, and given up after five times."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from tests.flow.test_dispatch import SECRET, VAULT, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS, receiving
from waypost.dispatch.run import MOST_CRASHES
from waypost.domain.deliveries import Reason, Settled
from waypost.store import queue, settling
from waypost.store.database import Database
from waypost.store.queue import Lane
from waypost.store.rows import Finished


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def endpoint_whose_secret_cant_be_opened(way: Way, account: UUID, url: str) -> UUID:
    endpoint = await way.add_endpoint(account, url)
    await way.database.serving.execute("update endpoint set secret = 'broken' where id = $1", endpoint)
    return endpoint


async def give_back(database: Database, endpoint: UUID, times: int) -> None:
    """Claim what waits and give it back unsent, as a dispatcher does that has no use for it now."""
    lane = Lane(endpoint, 1)
    for _ in range(times):
        async with database.engine.acquire() as session:
            (claimed,), _ = await queue.claim(session, [lane], dispatcher=1, lease=timedelta(minutes=1))
            await settling.settle(session, [Finished(claimed, None, None)])


async def test_a_delivery_that_crashes_repeatedly_is_given_up(database: Database, account: UUID) -> None:
    async with running(Way(database)) as way:
        await endpoint_whose_secret_cant_be_opened(way, account, "http://127.0.0.1:9/")

        await way.intake.submit([reporting(account, "A1", scan(8))])

        assert await way.settled(1) == [(Settled.FAILED, Reason.CRASHES, 0)]
        assert await way.outcomes() == []


async def test_deliveries_released_unsent_do_not_count_as_crashed(database: Database, account: UUID) -> None:
    way = Way(database)
    async with receiving() as receiver:
        endpoint = await endpoint_whose_secret_cant_be_opened(way, account, receiver.url)
        way.intake.start()
        await way.intake.submit([reporting(account, "A1", scan(8))])
        await give_back(database, endpoint, 2 * MOST_CRASHES)

        async with running(way):
            async with asyncio.timeout(HANGS_AFTER_SECONDS):
                while not await database.serving.fetchval("select crashes from due"):
                    pass
            sealed = VAULT.seal(SECRET, account=account, endpoint=endpoint)
            await database.serving.execute("update endpoint set secret = $2 where id = $1", endpoint, sealed)

            assert await way.settled(1) == [(Settled.DELIVERED, None, 1)]
