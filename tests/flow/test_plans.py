"""The hot statements use their indexes, whatever the planner believes about the size of the queue."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from waypost.store.database import Database
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import TEXTS

ARGUMENTS = {
    "claim": (ALL_BUCKETS, [uuid4()], [16], 1, timedelta(seconds=60), [datetime(2000, 1, 1, tzinfo=UTC)]),
    "scout": (ALL_BUCKETS,),
    "hold": ([1], [1], [uuid4()], [1]),
    "settle": ([1], [uuid4()], "delivered", None, 1),
    "retry": ([1], [uuid4()], [datetime(2000, 1, 1, tzinfo=UTC)], [1]),
    "unblock": ([1], [1], [uuid4()], [uuid4()]),
    "queues": ([1], [1], [uuid4()], [uuid4()], ["ordered"]),
    "lock_trackings": ([1], [1], [uuid4()]),
}
FILL = """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, next_at)
select 1, gen_random_uuid(), md5((n % 50)::text)::uuid, gen_random_uuid(), gen_random_uuid(), 1, 'ordered', now()
from generate_series(1, $1::integer) n
"""


async def never_analysed(database: Database) -> None:
    await database.serving.execute(FILL, 1000)


async def emptied_and_vacuumed(database: Database) -> None:
    await database.serving.execute(FILL, 1000)
    await database.serving.execute("delete from due")
    await database.serving.execute("vacuum analyze due")


async def large(database: Database) -> None:
    await database.serving.execute(FILL, 50_000)
    await database.serving.execute("vacuum analyze due")


@pytest.mark.parametrize("state", [never_analysed, emptied_and_vacuumed, large])
@pytest.mark.parametrize("name", sorted(ARGUMENTS))
async def test_a_hot_statement_never_scans_or_sorts_the_queue(database: Database, name: str, state) -> None:
    await state(database)
    async with database.engine.acquire() as session:
        transaction = session.transaction()
        await transaction.start()
        rows = await session.fetch("explain " + TEXTS[name], *ARGUMENTS[name])
        await transaction.rollback()

    plan = "\n".join(row[0] for row in rows)
    assert not re.search(r"Seq Scan on (due|tracking|event|settled)\b", plan), plan
    assert not re.search(r"Bitmap Heap Scan", plan), plan
    assert "Index" in plan
