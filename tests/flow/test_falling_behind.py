"""A dispatcher says when more is due than it may have in hand, so that dispatching moves to processes of its own."""

import asyncio
from uuid import UUID

import pytest

from tests.flow.test_dispatch import HASTY_SECONDS, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import PLACE, add_account
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, always, receiving
from waypost.app.workload import INSIDE_SLOTS
from waypost.dispatch.dispatcher import Dispatcher
from waypost.store.database import Database


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def test_a_dispatcher_is_behind_while_more_is_due_than_it_may_have_in_hand(
    database: Database, account: UUID
) -> None:
    way = Way(database, timeout_seconds=HASTY_SECONDS)
    way.dispatcher = Dispatcher(database, way.sender, slots=INSIDE_SLOTS, timeout_seconds=HASTY_SECONDS, place=PLACE)
    async with receiving(always(OK)) as quick, receiving(always(HANG)) as hanging, running(way):
        await way.add_endpoint(account, quick.url)
        await way.intake.submit([reporting(account, "A1", scan(8))])
        await way.settled(1)
        assert not way.dispatcher.is_behind

        for _ in range(3):
            await way.add_endpoint(account, hanging.url)
        await way.intake.submit([reporting(account, f"B{number}", scan(8)) for number in range(20)])
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not way.dispatcher.is_behind:
                await way.outcomes()

        assert way.dispatcher.in_hand <= INSIDE_SLOTS
