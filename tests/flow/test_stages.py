"""Where deliveries spend their time is measured, stage by stage."""

import asyncio

from tests.flow.test_dispatch import Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS, receiving
from waypost.dispatch.stages import DeliveryStage
from waypost.store import queue
from waypost.store.database import Database


async def test_a_delivery_is_counted_once_in_each_stage_and_a_test_in_none(database: Database) -> None:
    account = await add_account(database)
    async with receiving() as receiver, running(Way(database)) as way:
        endpoint = await way.add_endpoint(account, receiver.url)
        async with way.database.serving.acquire() as session:
            await queue.add_test(session, account, endpoint, sample="transit", random=(1, 2))
        way.dispatcher.hint_by_hand()
        await way.settled(1)

        await way.intake.submit([reporting(account, "A1", scan(8))])

        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not sum(way.dispatcher.measures().stages[DeliveryStage.RECORD]):
                await way.settled(2)
        measures = way.dispatcher.measures()
        assert {stage: sum(counts) for stage, counts in measures.stages.items()} == dict.fromkeys(DeliveryStage, 1)
        assert all(measures.stage_seconds[stage] > 0 for stage in DeliveryStage)
