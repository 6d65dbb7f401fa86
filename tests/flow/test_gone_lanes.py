"""What waits for an endpoint that answered 410 is cancelled, and nobody else waits for that."""

import asyncio

from tests.flow.test_dispatch import Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS, Peer, answering, receiving
from waypost.store.database import Database

_STATES = "select state from settled where endpoint = $1"


async def test_results_are_recorded_while_the_lane_of_a_gone_endpoint_is_cancelled(database: Database) -> None:
    account, other = await add_account(database), await add_account(database)
    may_answer = asyncio.Event()

    async def gone(peer: Peer) -> None:
        await may_answer.wait()
        await peer.write(answering(410))

    async def states(way: Way, endpoint: object, count: int) -> list[str]:
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while len(rows := await way.database.serving.fetch(_STATES, endpoint)) < count:
                pass
        return [row["state"] for row in rows]

    async with receiving(lambda _number: gone) as dead, receiving() as healthy, running(Way(database)) as way:
        theirs = await way.add_endpoint(account, dead.url)
        for hour in (8, 9):  # the second one waits for the first
            await way.intake.submit([reporting(account, "A1", scan(hour))])
        await dead.received(1)
        async with database.serving.acquire() as session, session.transaction():
            await session.execute("select from tracking where account = $1 for update", account)
            may_answer.set()
            assert await states(way, theirs, 1) == ["cancelled"]

            ours = await way.add_endpoint(other, healthy.url)
            await way.intake.submit([reporting(other, "B1", scan(8))])

            assert await states(way, ours, 1) == ["delivered"]
        assert await states(way, theirs, 2) == ["cancelled"] * 2
