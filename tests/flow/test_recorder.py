"""Results that can't be stored unchanged: the delivery continues, and the others are recorded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.flow.test_queue import claim, refused, report
from tests.support.databases import add_account, add_endpoint
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost.dispatch.recorder import Recorder
from waypost.dispatch.run import MOST_CRASHES
from waypost.domain.deliveries import Settled
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.rows import AttemptRow, Claimed, Finished
from waypost.store.statements import SENT
from waypost.store.trouble import DatabaseTrouble


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


async def claimed(database: Database, account: UUID, *numbers: str) -> list[Claimed]:
    endpoint = await add_endpoint(database, account)
    for number in numbers:
        await report(database, account, number, 1)
    return await claim(database, endpoint)


def attempted(one: Claimed, **changed: object) -> AttemptRow:
    attempt = refused(one).attempt
    assert attempt is not None
    return msgspec.structs.replace(attempt, **changed)


@asynccontextmanager
async def recording(database: Database) -> AsyncIterator[Recorder]:
    """Yield a recorder; its results are recorded when the block ends."""
    recorder = Recorder(database, lambda _endpoints: None, pause=lambda _endpoint: 0, gone=lambda _endpoint: None)
    recording = asyncio.create_task(recorder.serve())
    await asyncio.wait([recording], timeout=0)  # it has begun
    yield recorder
    recorder.drain()
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        await recording


NUL_IN_ANSWER = {"response_headers": '[["x", "\\u0000"]]'}
"""Values that PostgreSQL rejects."""
NUL_IN_ATTEMPT = {"url": "http://127.0.0.1/\0"}
NO_NUMBER = {"duration_ms": 1 << 40}
"""Values that the driver rejects before sending."""


async def test_a_response_that_cannot_be_stored_affects_neither_its_delivery_nor_others(
    database: Database, account: UUID
) -> None:
    bad, good = await claimed(database, account, "A1", "A2")

    with capture_logs() as lines:
        async with recording(database) as recorder:
            recorder.add(Finished(bad, attempted(bad, **NUL_IN_ANSWER), Settled.DELIVERED))
            recorder.add(Finished(good, attempted(good), Settled.DELIVERED))

    rows = await database.serving.fetch(
        "select s.id, s.tries, a.response_headers from settled s join attempt a on a.delivery = s.id"
    )
    assert {row["id"]: (row["tries"], row["response_headers"]) for row in rows} == {
        bad.id: (1, None),
        good.id: (1, "[]"),
    }
    assert [line["delivery"] for line in lines if line["event"] == "result_recorded_in_part"] == [f"dlv_{bad.id.hex}"]
    assert database.outage.trouble is None


@pytest.mark.parametrize("poison", [NUL_IN_ATTEMPT, NO_NUMBER])
async def test_a_success_whose_attempt_cannot_be_stored_is_settled_and_not_repeated(
    database: Database, account: UUID, poison: dict[str, object]
) -> None:
    (one,) = await claimed(database, account, "A1")

    async with recording(database) as recorder:
        recorder.add(Finished(one, attempted(one, **poison), Settled.DELIVERED))

    assert await database.serving.fetchval("select state from settled where id = $1", one.id) == "delivered"
    assert await database.serving.fetchval("select count(*) from due") == 0


async def test_a_failure_whose_attempt_cannot_be_stored_is_retried_on_schedule_and_not_forever(
    database: Database, account: UUID
) -> None:
    (one,) = await claimed(database, account, "A1")

    async with recording(database) as recorder:
        recorder.add(Finished(one, attempted(one, **NUL_IN_ATTEMPT), None, wait_seconds=3600))

    row = await database.serving.fetchrow(
        "select crashes, leased_by, next_at > now() + interval '50 minutes' as later from due"
    )
    assert tuple(row) == (1, None, True)

    last = msgspec.structs.replace(one, crashes=MOST_CRASHES - 1)
    await database.serving.execute("update due set leased_by = 1, leased_until = now() + interval '1 minute'")
    async with recording(database) as recorder:
        recorder.add(Finished(last, attempted(last, **NUL_IN_ATTEMPT), None, wait_seconds=3600))

    row = await database.serving.fetchrow("select state, reason from settled")
    assert tuple(row) == ("failed", "crashes")


async def test_results_that_an_interrupted_commit_left_are_committed_without_waiting_for_another(
    database: Database, account: UUID
) -> None:
    (one,) = await claimed(database, account, "A1")
    recorder = Recorder(database, lambda _endpoints: None, pause=lambda _endpoint: 0, gone=lambda _endpoint: None)
    async with database.serving.acquire() as other, other.transaction():
        await other.execute("select from due for update")
        interrupted = asyncio.create_task(recorder.serve())
        recorder.add(Finished(one, attempted(one), Settled.DELIVERED))
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not await other.fetchval("select count(*) from pg_locks where not granted"):
                pass
        await end(interrupted)

    recording = asyncio.create_task(recorder.serve())

    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while await database.serving.fetchval("select count(*) from settled") == 0:
            pass
    recorder.drain()
    await recording
    assert recorder.kept == set()


@pytest.mark.parametrize("arguments", [(), (1, 2)])
async def test_a_statement_with_wrong_arguments_is_not_an_outage(
    database: Database, arguments: tuple[int, ...]
) -> None:
    with pytest.raises(Exception, match="the server expects 1 argument") as raised:
        await database.engine.fetchval("select $1::integer", *arguments)

    assert not isinstance(raised.value, ConnectionError)
    assert database.outage.trouble is None


async def test_a_closed_connection_is_an_outage(database: Database) -> None:
    async def use() -> None:
        async with database.engine.acquire() as session:
            session.terminate()
            await session.fetchval("select 1")

    with pytest.raises(ConnectionError):
        await use()

    assert database.outage.trouble is DatabaseTrouble.UNREACHABLE


async def test_the_health_of_a_failing_endpoint_is_written_once_a_minute_and_of_a_healthy_one_once_an_hour(
    database: Database, account: UUID
) -> None:
    """Another dispatcher, or the keeper, may have written something else meanwhile."""
    now = 0.0
    recorder = Recorder(
        database, lambda _endpoints: None, pause=lambda _endpoint: 0, gone=lambda _endpoint: None, now=lambda: now
    )
    (one,) = await claimed(database, account, "A1")
    written: list[tuple[float, int]] = []

    for at, outcome in ((0, "timed_out"), (59, "timed_out"), (61, "timed_out"), (62, "succeeded"), (3661, "succeeded")):
        now, before = float(at), SENT["note_health"]
        await recorder._note_health([Finished(one, attempted(one, outcome=outcome), None)])
        written.append((at, SENT["note_health"] - before))

    assert written == [(0, 1), (59, 0), (61, 1), (62, 1), (3661, 0)]
