"""Results are recorded in few round trips, and nothing gets lost by it: order, fences, attempts, counts."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_intake import reporting, scan
from tests.flow.test_queue import accepted, claim, refused, report, settle
from tests.support.databases import add_account, add_endpoint
from tests.support.queues import stuck
from tests.support.receiver import receiving
from waypost.domain.ids import bucket_of
from waypost.intake import merging
from waypost.intake.batch import write
from waypost.store import settling
from waypost.store.database import Database
from waypost.store.rows import AttemptRow, Finished
from waypost.store.statements import SENT, TEXTS

FULL = {
    "started_at": datetime(2026, 7, 5, 12, 0, 0, 1, tzinfo=UTC),
    "duration_ms": 3,
    "url": "https://shop.example/Bücher?a=\\\"'",
    "signed_at": 1_790_000_000,
    "signatures": bytes(range(64)),
    "own_headers": ['x-"quoted"', "x-b"],
    "body_sha256": bytes(range(32)),
    "response_headers": '[["x-a","\\"{}"]]',
    "response_body": b"\x00\xff{}\\",
    "reason": "body_cut",
}


def in_full(finished: Finished) -> Finished:
    assert finished.attempt is not None
    return msgspec.structs.replace(finished, attempt=msgspec.structs.replace(finished.attempt, **FULL))


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


@pytest.fixture
async def endpoint(database: Database, account: UUID) -> UUID:
    return await add_endpoint(database, account)


async def report_parcels(database: Database, account: UUID, count: int) -> None:
    for number in range(count):
        await report(database, account, f"P{number}", 8)


async def attempts(database: Database) -> list[tuple[object, ...]]:
    names = ", ".join(name for name in AttemptRow.__struct_fields__ if name not in ("bucket", "delivery"))
    rows = await database.serving.fetch(
        f"select {names}, day = (uuid_extract_timestamp(delivery) at time zone 'utc')::date from attempt"  # noqa: S608 - our columns
    )
    return [tuple(row) for row in rows]


async def test_a_lone_delivery_takes_five_round_trips_from_claim_to_settled(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    before = SENT.copy()

    (one,) = await claim(database, endpoint)
    await settle(database, accepted(one))

    names = ("claim", "begin", "settle_delivered", "unblock", "commit")
    assert SENT - before == Counter(names)


async def test_a_delivery_that_is_retried_takes_six_round_trips(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    before = SENT.copy()

    (one,) = await claim(database, endpoint)
    await settle(database, refused(one))

    assert SENT - before == Counter(("claim", "begin", "hold", "retry", "unblock", "commit"))


async def test_a_hundred_deliveries_take_as_many_round_trips_as_one_and_a_copy(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report_parcels(database, account, settling.COPIED_FROM)
    claimed = await claim(database, endpoint)
    before = SENT.copy()

    await settle(database, *map(accepted, claimed))

    names = ("begin", "settle_delivered", "unblock", "copy_attempt", "commit")
    assert SENT - before == Counter(names)
    assert await database.serving.fetchval("select count(*) from attempt") == settling.COPIED_FROM


async def test_few_attempts_are_stored_as_many_are(
    database: Database, account: UUID, endpoint: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = []
    for number, copied_from in enumerate((1, 100)):
        monkeypatch.setattr(settling, "COPIED_FROM", copied_from)
        await report(database, account, f"A{number}", 8)
        (one,) = await claim(database, endpoint)

        await settle(database, in_full(accepted(one)))

        stored.append(await attempts(database))
        await database.serving.execute("delete from attempt")

    assert stored[0] == stored[1]
    row = dict(zip(AttemptRow.__struct_fields__[2:], stored[1][0], strict=False))
    assert {name: row[name] for name in FULL if name != "response_headers"} == {
        name: value for name, value in FULL.items() if name != "response_headers"
    }
    assert (row["response_headers"], row["retry_after_seconds"], stored[1][0][-1]) == ('[["x-a", "\\"{}"]]', None, True)


async def test_a_late_result_settles_nothing_among_others_that_were_delivered(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report_parcels(database, account, 2)
    old = await claim(database, endpoint)
    await database.engine.execute("update due set leased_until = now() where id = $1", old[0].id)
    (new,) = await claim(database, endpoint, dispatcher=2)

    _, late = await settle(database, *map(accepted, old))

    assert late == 1
    assert await database.serving.fetchval("select array_agg(id) from due") == [new.id]
    assert await database.serving.fetchval("select array_agg(id) from settled") == [old[1].id]
    assert await database.serving.fetchval("select count(*) from attempt") == 2


async def test_an_attempt_with_an_unknown_commit_is_stored_and_counted_once(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    (one,) = await claim(database, endpoint)

    late = [(await settle(database, accepted(one)))[1] for _ in range(2)]

    assert late == [0, 1]
    counts = await database.serving.fetchrow("select delivered, attempts, failed_attempts from delivery_hours")
    assert tuple(counts) == (1, 1, 0)
    assert await database.serving.fetchval("select count(*) from attempt") == 1


async def test_a_delivery_that_was_accepted_is_delivered_even_if_it_was_to_be_cancelled(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    (one,) = await claim(database, endpoint)
    await database.engine.execute("update due set cancelling = 'user'")

    await settle(database, accepted(one))

    assert tuple(await database.serving.fetchrow("select state, reason, tries from settled")) == ("delivered", None, 1)


async def test_a_successor_inserted_while_its_predecessor_settles_is_released(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    (one,) = await claim(database, endpoint)
    async with database.engine.acquire() as intake:
        async with intake.transaction():
            await intake.fetch("select from due for key share")
            recording = asyncio.create_task(settle(database, accepted(one)))
            async with asyncio.timeout(20):
                while not await intake.fetchval("select count(*) from pg_locks where not granted"):
                    pass
            await intake.execute(
                "insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, blocked)"
                " select bucket, uuidv7(), endpoint, tracking, event, 2, ordering, true from due"
            )
        freed, late = await recording

    assert (freed, late) == ({endpoint}, 0)
    async with database.serving.acquire() as session:
        assert await stuck(session) == 0


@pytest.mark.parametrize("working", ["settling", "writing few", "writing many"])
async def test_nobody_holds_a_delivery_while_waiting_for_one_with_a_lower_id(
    database: Database, account: UUID, endpoint: UUID, working: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The parcel with the higher bucket has the older delivery: the order of parcels is not that of ids.
    numbers = sorted(("A1", "A2"), key=lambda number: bucket_of(account, number), reverse=True)
    for number in numbers:
        await report(database, account, number, 8)
    claimed = await claim(database, endpoint)
    low, high = sorted(one.id for one in claimed)
    if working == "writing many":
        monkeypatch.setattr(merging, "MOST_ROWS", -1)

    async def work() -> None:
        if working == "settling":
            await settle(database, *map(accepted, claimed))
            return
        async with database.serving.acquire() as session, session.transaction():
            await write(session, [reporting(account, number, scan(9)) for number in numbers], frozenset())

    async with database.engine.acquire() as other, other.transaction():
        await other.execute("select from due where id = $1 for update", low)
        waiting = asyncio.create_task(work())
        async with asyncio.timeout(20):
            while not await other.fetchval("select count(*) from pg_locks where not granted"):
                pass
        held = await other.fetchval("select id from due where id = $1 for update skip locked", high)
    await waiting

    assert held == high


def test_unblocking_is_a_statement_of_its_own() -> None:
    assert "blocked" not in TEXTS["settle_delivered"]


async def test_endpoints_are_read_by_the_claims_of_their_deliveries(database: Database, account: UUID) -> None:
    async with receiving() as receiver, running(Way(database)) as way:
        await way.add_endpoint(account, receiver.url)
        before = SENT.copy()

        for number in range(1, 11):
            await way.intake.submit([reporting(account, f"A{number}", scan(8))])
            await way.settled(number)

    sent = SENT - before
    assert sent["claim"] >= 10
    assert sent["lane_endpoints"] <= sent["beat"] + 1  # the scout's
