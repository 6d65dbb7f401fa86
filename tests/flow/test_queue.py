"""Claim, settle, retry, rescue: order per parcel, fenced leases, nothing lost."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from asyncpg import UniqueViolationError

from tests.flow.test_intake import reporting, scan
from tests.support.databases import PLACE, add_account, add_endpoint
from tests.support.queues import stuck
from waypost.domain import ids
from waypost.domain.deliveries import Settled
from waypost.intake.batch import write
from waypost.store import deliveries, delivery_changes, dispatchers, queue, settling
from waypost.store.database import Database
from waypost.store.delivery_changes import Cancelled
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.queue import Lane
from waypost.store.rows import AttemptRow, Claimed, Finished
from waypost.store.statements import Session
from waypost.store.states import unpack
from waypost.store.trouble import REPEATABLE

LEASE = timedelta(seconds=60)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def report(database: Database, account: UUID, number: str, *hours: int) -> None:
    while True:
        with suppress(*REPEATABLE):
            async with database.engine.acquire() as session, session.transaction():
                await write(session, [reporting(account, number, scan(hour)) for hour in hours], frozenset())
            return


async def claim(database: Database, *endpoints: UUID, free: int = 100, dispatcher: int = 1) -> list[Claimed]:
    lanes = [Lane(endpoint, free) for endpoint in endpoints]
    async with database.engine.acquire() as session:
        claimed, _ = await queue.claim(session, lanes, dispatcher=dispatcher, lease=LEASE)
        return claimed


async def settle(database: Database, *finished: Finished) -> tuple[set[UUID], int]:
    async with database.engine.acquire() as session:
        return await settling.settle(session, finished)


def refused(claimed: Claimed) -> Finished:
    """An attempt that failed and is made again at once."""
    attempt = AttemptRow(
        bucket=claimed.bucket,
        delivery=claimed.id,
        number=claimed.lease_no,
        started_at=LONG_AGO,
        duration_ms=1,
        version="V4",
        outcome="http_5xx",
        status_code=500,
        retry_after_seconds=None,
        url="http://127.0.0.1/",
        signed_at=1,
        signatures=b"",
        user_agent="",
        own_headers=None,
        body_sha256=b"",
        body_length=0,
        response_headers="[]",
        response_body=b"",
        response_truncated=False,
    )
    return Finished(claimed, attempt, None)


def delivered(claimed: Claimed) -> Finished:
    return Finished(claimed, None, Settled.DELIVERED)


def accepted(claimed: Claimed) -> Finished:
    """An attempt that succeeded."""
    attempt = refused(claimed).attempt
    assert attempt is not None
    return Finished(claimed, msgspec.structs.replace(attempt, outcome="succeeded", status_code=200), Settled.DELIVERED)


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


@pytest.fixture
async def endpoint(database: Database, account: UUID) -> UUID:
    return await add_endpoint(database, account)


async def test_a_claim_returns_the_heads_of_queues_with_their_events(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8, 9)
    await report(database, account, "B1", 8)

    claimed = await claim(database, endpoint)

    states = [unpack(one.packed) for one in claimed if one.packed is not None]
    assert sorted((state.tracking_number, len(state.checkpoints)) for state in states) == [("A1", 1), ("B1", 1)]
    assert await claim(database, endpoint) == []


async def test_the_next_event_of_a_parcel_is_released_once_the_previous_is_settled(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8, 9)
    (first,) = await claim(database, endpoint)

    freed, late = await settle(database, delivered(first))

    assert (freed, late) == ({endpoint}, 0)
    (second,) = await claim(database, endpoint)
    assert second.sequence == 2


async def test_a_retry_keeps_its_parcel_waiting_and_comes_back_when_it_is_due(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8, 9)
    (first,) = await claim(database, endpoint)

    await settle(database, refused(first))

    (again,) = await claim(database, endpoint)
    assert (again.id, again.sequence, again.tries, again.lease_no) == (first.id, 1, 1, 2)


async def test_a_lost_lease_settles_nothing(database: Database, account: UUID, endpoint: UUID) -> None:
    await report(database, account, "A1", 8)
    (old,) = await claim(database, endpoint)
    await database.engine.execute("update due set leased_until = now() - interval '1 second'")
    (new,) = await claim(database, endpoint, dispatcher=2)

    freed, late = await settle(database, delivered(old))

    assert (freed, late) == (set(), 1)
    assert (await settle(database, delivered(new)))[1] == 0
    assert await database.serving.fetchval("select count(*) from settled") == 1


async def test_a_lost_lease_settles_nothing_in_the_same_batch_as_a_valid_one(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    (old,) = await claim(database, endpoint)
    await database.engine.execute("update due set leased_until = now() - interval '1 second'")
    (new,) = await claim(database, endpoint)

    _, late = await settle(database, refused(old), refused(new))

    (again,) = await claim(database, endpoint)
    assert (late, again.tries, again.lease_no) == (1, 1, 3)
    assert (await settle(database, refused(new), delivered(again)))[1] == 1
    assert await database.serving.fetchval("select count(*) from settled") == 1
    assert await database.serving.fetchval("select sum(delivered) from delivery_hours") == 1
    numbers = await database.serving.fetchval("select array_agg(number order by number) from attempt")
    assert numbers == [1, 2]


async def test_a_retry_with_an_unknown_commit_is_counted_once(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    (first,) = await claim(database, endpoint)
    await settle(database, refused(first))

    assert (await settle(database, refused(first)))[1] == 1

    (again,) = await claim(database, endpoint)
    assert again.tries == 1
    assert await database.serving.fetchval("select count(*) from attempt") == 1


async def test_a_claim_takes_no_more_than_a_lanes_free_slots(database: Database, account: UUID, endpoint: UUID) -> None:
    for number in range(5):
        await report(database, account, f"A{number}", 8)

    assert len(await claim(database, endpoint, free=2)) == 2
    assert len(await claim(database, endpoint, free=9)) == 3


async def test_a_claim_brings_the_endpoint_and_takes_no_more_than_its_rate_limit(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    other = await add_endpoint(database, account)
    await database.engine.execute("update endpoint set rate_limit_per_second = 2 where id = $1", endpoint)
    for number in range(5):
        await report(database, account, f"A{number}", 8)

    async with database.engine.acquire() as session:
        lanes = [Lane(endpoint, 9), Lane(other, 9)]
        claimed, endpoints = await queue.claim(session, lanes, dispatcher=1, lease=LEASE)
        assert endpoints == await queue.lane_endpoints(session, [endpoint, other])

    assert Counter(one.endpoint for one in claimed) == {endpoint: 2, other: 5}


async def test_a_claim_reads_older_events_too_and_only_those_that_are_gone_are_missing(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    numbers = ["OLD", "GONE", "NEW"]
    for number in numbers:
        await report(database, account, number, 8)
    old = ids.make_id(int(datetime.now(UTC).timestamp() - 3 * 86_400) * 1000, 7, 1)
    await database.serving.execute(
        "create table event_old partition of event for values from (current_date - 5) to (current_date - 1)"
    )
    await database.serving.execute(
        "update event set id = $1, bucket = 7, day = (uuid_extract_timestamp($1) at time zone 'utc')::date"
        " where tracking_number = 'OLD'",
        old,
    )
    await database.serving.execute(
        "update due set event = $1, bucket = 7"
        " where tracking = (select id from tracking where tracking_number = 'OLD')",
        old,
    )
    await database.serving.execute("delete from event where tracking_number = 'GONE'")

    claimed = await claim(database, endpoint)

    states = [None if one.packed is None else unpack(one.packed).tracking_number for one in claimed]
    assert sorted(states, key=str) == ["NEW", None, "OLD"]
    assert [one.id for one in await claim(database, endpoint)] == []


async def test_the_leases_of_a_dead_dispatcher_are_rescued_and_those_of_a_living_one_are_not(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8)
    async with database.engine.acquire() as living, database.engine.acquire() as rescuer:
        number = await dispatchers.join(living, place=DispatcherSlot(UUID(int=2), 0))
        me = await dispatchers.join(rescuer)
        await claim(database, endpoint, dispatcher=number)

        assert await dispatchers.rescue(rescuer, me, place=PLACE) == {number}
        await living.execute("select pg_advisory_unlock_all()")
        assert await dispatchers.rescue(rescuer, me, place=PLACE) == set()

    assert len(await claim(database, endpoint)) == 1


async def test_waiting_deliveries_of_a_disabled_endpoint_are_cancelled(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    await report(database, account, "A1", 8, 9, 10)

    async with database.engine.acquire() as session:
        cancelled = await queue.cancel_lane(session, endpoint)

    assert cancelled == 3
    rows = await database.serving.fetch("select state, reason from settled")
    assert {tuple(row) for row in rows} == {("cancelled", "endpoint_off")}


async def cancel_first(session: Session, account: UUID, _: UUID) -> None:
    (row,) = await session.fetch("select id from due where not blocked")
    found = await deliveries.find(session, account, row["id"])
    assert found is not None
    while (await delivery_changes.cancel_delivery(session, found))[0] is Cancelled.NOT_THERE:
        pass


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda session, _, endpoint: queue.cancel_lane(session, endpoint), 0),
        (lambda session, _, endpoint: queue.free_lane(session, endpoint, UUID(int=0)), 2),
        (cancel_first, 1),
    ],
    ids=["cancel_lane", "free_lane", "cancel"],
)
async def test_a_change_that_deadlocks_with_a_settle_is_retried(
    database: Database, account: UUID, endpoint: UUID, change: Any, left: int
) -> None:
    await report(database, account, "A1", 8, 9)
    async with database.engine.acquire() as session, database.engine.acquire() as other:
        async with other.transaction():
            await other.execute("set local deadlock_timeout = '1min'")
            await other.execute("select from due for update")
            changing = asyncio.create_task(change(session, account, endpoint))
            async with asyncio.timeout(20):
                while not await other.fetchval("select count(*) from pg_locks where not granted"):
                    pass
            await other.execute("select from tracking for no key update")
        await changing

    assert await database.serving.fetchval("select count(*) from due where not blocked") == left


async def test_the_scout_finds_each_lane_and_when_it_is_due(database: Database, account: UUID, endpoint: UUID) -> None:
    other = await add_endpoint(database, account)
    await report(database, account, "A1", 8)
    await report(database, account, "A2", 8)

    async with database.engine.acquire() as session:
        lanes = await queue.scout(session)

    assert set(lanes) == {endpoint, other}
    assert all(due_in <= 0 for due_in in lanes.values())


async def test_with_concurrent_intake_retries_and_two_dispatchers_every_parcel_arrives_in_order(
    database: Database, account: UUID, endpoint: UUID
) -> None:
    chance = random.Random(7)
    parcels, events = [f"P{number}" for number in range(12)], 15
    arrived: dict[UUID, list[int]] = {}
    done = asyncio.Event()

    async def intake(hour: int) -> None:
        for number in chance.sample(parcels, len(parcels)):
            await report(database, account, number, hour)

    async def dispatch(number: int) -> None:
        while not done.is_set():
            claimed = await claim(database, endpoint, free=7, dispatcher=number)
            fates = [(one, chance.random() < 0.3) for one in claimed]
            for one, fails in fates:
                if not fails:
                    arrived.setdefault(one.tracking, []).append(one.sequence)
            await settle(
                database,
                *(Finished(one, None, None, wait_seconds=0) if fails else accepted(one) for one, fails in fates),
            )
            if sum(map(len, arrived.values())) == len(parcels) * events:
                done.set()

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(dispatch(1))
        tasks.create_task(dispatch(2))
        for hour in range(events):
            tasks.create_task(intake(hour))

    assert list(arrived.values()) == [list(range(1, events + 1))] * len(parcels)
    async with database.serving.acquire() as session:
        assert await session.fetchval("select count(*) from due") == 0
        assert await stuck(session) == 0


@pytest.mark.usefixtures("endpoint")
async def test_the_tests_detect_a_queue_without_a_head(database: Database, account: UUID) -> None:
    await report(database, account, "A1", 8, 9)
    await database.engine.execute("delete from due where not blocked")

    async with database.serving.acquire() as session:
        assert await stuck(session) == 1


QUEUE = ids.make_id(0, 0, 1), ids.make_id(0, 1, 2)
PLACED = """
insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, blocked)
select 1, uuidv7(), $1, $2, uuidv7(), 5, $3, $4 = 'blocked'
"""


@pytest.mark.parametrize("ordering", ["ordered", "latest"])
async def test_a_queue_never_has_two_heads(database: Database, ordering: str) -> None:
    await database.serving.execute(PLACED, *QUEUE, ordering, "head")

    with pytest.raises(UniqueViolationError, match="due_place"):
        await database.serving.execute(PLACED, *QUEUE, ordering, "head")


@pytest.mark.parametrize(("ordering", "place"), [("ordered", "blocked"), ("unordered", "none")])
async def test_what_is_blocked_or_in_no_queue_may_be_of_one_event(
    database: Database, ordering: str, place: str
) -> None:
    for _ in range(2):
        await database.serving.execute(PLACED, *QUEUE, ordering, place)

    assert await database.serving.fetchval("select count(*) from due") == 2
