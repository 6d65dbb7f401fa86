"""Updates become changes, events and deliveries in one transaction."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.support.databases import add_account, add_endpoint
from tests.support.rounds import looks_per_slice
from waypost.domain import ids
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import Status
from waypost.domain.trackings import Source, Update
from waypost.intake import batch, collector, merging
from waypost.intake.batch import write
from waypost.intake.collector import SECOND_WRITER_FROM, WRITERS, AccountOverloaded, Intake, IntakeUnavailable
from waypost.intake.lines import BULK_REQUESTS, LARGEST_BATCH
from waypost.intake.requests import Request
from waypost.store.database import Database
from waypost.store.intake_rows import TrackingKey
from waypost.store.known_trackings import FoundTrackings, lock_if_known
from waypost.store.statements import SENT, Session, transaction


def scan(hour: int, status: Status = Status.TRANSIT, detail: str = "Scanned") -> Checkpoint:
    return Checkpoint(f"2026-03-02T{hour:02}:00:00", detail, checkpoint_delivery_status=status)


def reporting(account: UUID, number: str, *scans: Checkpoint, create: bool = True) -> Request:
    return Request(account, number, "dhl", Update(Source.API, scans), create=create)


class Hints(list[UUID]):
    def __call__(self, endpoints: Iterable[UUID]) -> None:
        self.extend(endpoints)


@pytest.fixture
def hints() -> Hints:
    return Hints()


@pytest.fixture
async def intake(database: Database, hints: Hints) -> AsyncIterator[Intake]:
    intake = Intake(database, polled=frozenset({"dhl"}), hint=hints)
    intake.start()
    yield intake
    await intake.stop()


async def test_a_first_scan_creates_the_tracking_an_event_and_a_delivery_per_endpoint(
    database: Database, intake: Intake, hints: Hints
) -> None:
    account = await add_account(database)
    endpoints = {await add_endpoint(database, account), await add_endpoint(database, account)}

    (result,) = await intake.submit([reporting(account, "A1", scan(8))])

    assert result.created
    assert result.event is not None
    due = await database.serving.fetch("select endpoint, event, sequence, blocked from due")
    assert {row["endpoint"] for row in due} == endpoints
    assert {(row["event"], row["sequence"], row["blocked"]) for row in due} == {(result.event, 1, False)}
    assert set(hints) == endpoints


async def test_the_second_event_of_a_parcel_waits_behind_the_first(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    await add_endpoint(database, account)

    await intake.submit([reporting(account, "A1", scan(8))])
    await intake.submit([reporting(account, "A1", scan(9))])

    rows = await database.serving.fetch("select sequence, blocked from due order by sequence")
    assert [tuple(row) for row in rows] == [(1, False), (2, True)]


async def test_events_of_one_batch_are_numbered_and_only_the_first_is_not_blocked(
    database: Database, intake: Intake
) -> None:
    account = await add_account(database)
    await add_endpoint(database, account)

    await intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9, 10)])

    rows = await database.serving.fetch("select sequence, blocked, event from due order by event")
    assert [(row["sequence"], row["blocked"]) for row in rows] == [(1, False), (2, True), (3, True)]


async def test_an_update_without_changes_creates_no_event(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    await intake.submit([reporting(account, "A1", scan(8))])

    (again,) = await intake.submit([reporting(account, "A1", scan(8))])

    assert again.event is None
    assert await database.serving.fetchval("select count(*) from event") == 1


async def test_an_update_of_an_unknown_tracking_changes_nothing_without_create(
    database: Database, intake: Intake
) -> None:
    account = await add_account(database)

    (result,) = await intake.submit([reporting(account, "A1", scan(8), create=False)])

    assert result.tracking is None
    assert await database.serving.fetchval("select count(*) from tracking") == 0


async def test_an_event_records_why_an_endpoint_got_nothing(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    picky = await add_endpoint(database, account, statuses=["delivered"])
    changes_only = await add_endpoint(database, account, trigger="status_change")
    await intake.submit([reporting(account, "A1", scan(8))])

    await intake.submit([reporting(account, "A1", scan(9))])

    rows = await database.serving.fetch("select skipped::text, deliveries from event order by sequence")
    assert [row["deliveries"] for row in rows] == [1, 0]
    assert picky.hex in rows[0]["skipped"]
    assert f'"{changes_only.hex}": "trigger"' in rows[1]["skipped"]


async def test_concurrent_updates_of_one_parcel_create_one_tracking_and_a_gapless_sequence(
    database: Database, intake: Intake
) -> None:
    account = await add_account(database)
    await add_endpoint(database, account)

    await asyncio.gather(*(intake.submit([reporting(account, "A1", scan(hour))]) for hour in range(20)))

    assert await database.serving.fetchval("select count(*) from tracking") == 1
    sequences = await database.serving.fetch("select sequence from event order by id")
    assert [row["sequence"] for row in sequences] == list(range(1, 21))


async def test_every_id_of_a_parcel_contains_its_bucket(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    await add_endpoint(database, account)

    await intake.submit([reporting(account, f"A{number}", scan(8)) for number in range(40)])

    rows = await database.serving.fetch("select bucket, id, event, tracking from due")
    assert len({row["bucket"] for row in rows}) > 1
    for row in rows:
        assert {ids.bucket(row["id"]), ids.bucket(row["event"]), ids.bucket(row["tracking"])} == {row["bucket"]}


async def test_one_invalid_request_does_not_fail_the_others_in_its_batch(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    poison = reporting(account, "A\x00", scan(8))

    results = await asyncio.gather(
        intake.submit([poison]), intake.submit([reporting(account, "A1", scan(8))]), return_exceptions=True
    )

    assert isinstance(results[0], Exception)
    assert not isinstance(results[1], BaseException)
    assert await database.serving.fetchval("select count(*) from tracking") == 1


async def test_two_accounts_with_the_same_number_and_bucket_are_registered_in_one_batch(database: Database) -> None:
    first = await add_account(database)
    second = await add_account(database)
    number = next(text for n in range(100_000) if ids.bucket_of(first, text := f"N{n}") == ids.bucket_of(second, text))

    async with database.engine.acquire() as session, session.transaction():
        requests = [reporting(first, number, scan(8)), reporting(second, number, scan(8))]
        written = await write(session, requests, frozenset())

    assert [result.created for result in written.results] == [True, True]


async def test_a_failing_listener_does_not_stop_the_writers(database: Database) -> None:
    def fail(_endpoints: Iterable[UUID]) -> None:
        raise RuntimeError("nobody listens")

    account = await add_account(database)
    intake = Intake(database, polled=frozenset(), hint=fail)
    intake.start()
    for number in range(WRITERS + 1):
        with pytest.raises(IntakeUnavailable):
            async with asyncio.timeout(10):
                await intake.submit([reporting(account, f"A{number}", scan(8))])
    await intake.stop()

    assert await database.serving.fetchval("select count(*) from tracking") == WRITERS + 1


@asynccontextmanager
async def a_writer_held_up(database: Database, intake: Intake, account: UUID) -> AsyncIterator[asyncio.Task[object]]:
    """Let a writer wait for the lock of a parcel inside; its request ends after that."""
    async with a_parcel_locked(database, intake, account):
        held = asyncio.create_task(intake.submit([reporting(account, "HELD", scan(9))]))
        await until_a_lock_is_waited_for(database)
        yield held
    await held


async def test_updates_that_arrive_during_a_batch_form_one_more_batch(
    database: Database, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "SLOW_SECONDS", 60)
    account = await add_account(database)
    async with a_writer_held_up(database, intake, account):
        before = SENT["lock_if_known"]
        waiting = []
        for number in range(SECOND_WRITER_FROM - 1):
            waiting.append(asyncio.create_task(intake.submit([reporting(account, f"A{number}", scan(8))])))
            await database.serving.fetchval("select 1")  # time goes by in which another writer would take some of them

    await asyncio.gather(*waiting)
    assert SENT["lock_if_known"] - before == 1


async def test_many_new_updates_do_not_wait_for_the_running_batch(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    async with a_writer_held_up(database, intake, account) as held:
        many = [reporting(account, f"A{number}", scan(8)) for number in range(SECOND_WRITER_FROM)]
        async with asyncio.timeout(20):  # in two groups: one would be a bulk, which has a writer of its own
            results = await asyncio.gather(intake.submit(many[::2]), intake.submit(many[1::2]))

        assert [result.created for half in results for result in half] == [True] * SECOND_WRITER_FROM
        assert not held.done()


async def test_few_new_updates_do_not_wait_for_a_slow_batch_either(database: Database, intake: Intake) -> None:
    account = await add_account(database)
    async with a_writer_held_up(database, intake, account) as held:
        waiting = [asyncio.create_task(intake.submit([reporting(account, f"A{number}", scan(8))])) for number in (1, 2)]
        async with asyncio.timeout(20):
            await asyncio.gather(*waiting)
            await intake.submit([reporting(account, "A3", scan(8))])

        assert not held.done()


async def test_submitted_updates_are_written_before_intake_stops(database: Database) -> None:
    account = await add_account(database)
    intake = Intake(database, polled=frozenset(), hint=lambda _endpoints: None)
    intake.start()
    reports = [reporting(account, f"A{number}", scan(8)) for number in range(3 * LARGEST_BATCH)]
    waiting = [asyncio.create_task(intake.submit([one])) for one in reports]
    await asyncio.wait(waiting, timeout=0)  # all are submitted

    await intake.stop()

    assert all(one.done() for one in waiting)
    assert await database.serving.fetchval("select count(*) from tracking") == len(reports)


async def test_merging_a_large_batch_yields_to_others(database: Database) -> None:
    account = await add_account(database)
    requests = [reporting(account, f"A{number}", scan(8)) for number in range(300)]

    async with database.engine.acquire() as session, transaction(session):
        with looks_per_slice(10) as waits:
            written = await write(session, requests, frozenset())

    assert all(result.event for result in written.results)
    assert waits.count >= 300 / 12


async def test_large_states_are_merged_in_portions_with_the_same_result(
    database: Database, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)
    numbers = [f"A{number}" for number in range(20)]
    await intake.submit([reporting(account, number, scan(8)) for number in numbers])
    monkeypatch.setattr(batch, "PORTION_BYTES", 1)
    before = SENT["lock_if_known"]

    results = await intake.submit(
        [reporting(account, number, scan(hour), create=False) for hour in (9, 10) for number in numbers]
    )

    assert SENT["lock_if_known"] - before == 1 + len(numbers)
    assert len({result.event for result in results}) == 2 * len(numbers)
    rows = await database.serving.fetch(
        "select tracking, array_agg(sequence order by id) as sequences from due where endpoint = $1 group by 1",
        endpoint,
    )
    assert [row["sequences"] for row in rows] == [[1, 2, 3]] * len(numbers)


async def test_many_events_of_one_large_parcel_are_sent_immediately(
    database: Database, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = await add_account(database)
    monkeypatch.setattr(merging, "EVENT_BYTES", 1)
    copied = SENT["copy_event"]

    await intake.submit([reporting(account, "A1", scan(hour)) for hour in range(8)])

    assert SENT["copy_event"] - copied == 8
    assert await database.serving.fetchval("select array_agg(sequence order by id) from event") == list(range(1, 9))


async def test_portions_are_locked_in_the_order_of_buckets_and_ids(database: Database) -> None:
    account = await add_account(database)
    await write_all(database, [reporting(account, f"A{number}", scan(8)) for number in range(300)])
    seen: list[tuple[int, UUID]] = []

    async def lock(session: Session, keys: Sequence[TrackingKey], *, most_bytes: int) -> FoundTrackings:
        found = await lock_if_known(session, keys, most_bytes=most_bytes)
        seen.extend((row.bucket, row.id) for _, row in found.locked)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("waypost.intake.batch.lock_if_known", lock)
        patch.setattr(batch, "PORTION_BYTES", 2000)
        await write_all(database, [reporting(account, f"A{number}", scan(9)) for number in reversed(range(300))])

    assert len(seen) == 300
    assert seen == sorted(seen)


async def write_all(database: Database, requests: Sequence[Request]) -> None:
    async with database.engine.acquire() as session, transaction(session):
        await write(session, requests, frozenset())


async def test_a_bulk_and_later_updates_of_its_account_delay_no_other_account(
    database: Database, intake: Intake
) -> None:
    attacker, other = await add_account(database), await add_account(database)
    async with a_parcel_locked(database, intake, attacker):
        bulk = [reporting(attacker, f"B{number}", scan(8)) for number in range(BULK_REQUESTS)]
        held = [asyncio.create_task(intake.submit([*bulk, reporting(attacker, "HELD", scan(9))])) for _ in range(3)]
        await until_a_lock_is_waited_for(database)

        async with asyncio.timeout(20):
            for number in range(2 * WRITERS):  # each would share a batch with one that waits for the lock
                held.append(asyncio.create_task(intake.submit([reporting(attacker, "HELD", scan(number))])))
                await asyncio.gather(intake.submit([reporting(other, f"A{number}", scan(8))]))

        assert not any(one.done() for one in held)
    await asyncio.gather(*held)


async def test_an_account_with_too_much_waiting_is_rejected_and_others_are_not(
    database: Database, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "MOST_WAITING_OF_ONE", 10)
    attacker, other = await add_account(database), await add_account(database)
    async with a_parcel_locked(database, intake, attacker):
        held = asyncio.create_task(intake.submit([reporting(attacker, "HELD", *map(scan, range(12)))]))
        await until_a_lock_is_waited_for(database)

        with pytest.raises(AccountOverloaded):
            await intake.submit([reporting(attacker, "A1", scan(8))])
        await intake.submit([reporting(other, "A1", scan(8))])

    await held
    (result,) = await intake.submit([reporting(attacker, "A1", scan(8))])
    assert result.created


@asynccontextmanager
async def a_parcel_locked(database: Database, intake: Intake, account: UUID) -> AsyncIterator[None]:
    """Hold the lock of an account's parcel HELD."""
    await intake.submit([reporting(account, "HELD", scan(8))])
    async with database.serving.acquire() as other, other.transaction():
        await other.execute("select from tracking where account = $1 for update", account)
        yield


async def until_a_lock_is_waited_for(database: Database) -> None:
    while not await database.serving.fetchval("select exists (select from pg_locks where not granted)"):
        pass


async def test_without_disk_space_nothing_is_accepted(database: Database) -> None:
    account = await add_account(database)
    intake = Intake(database, polled=frozenset(), hint=lambda _endpoints: None, has_room=lambda: False)
    intake.start()

    with pytest.raises(IntakeUnavailable):
        await intake.submit([reporting(account, "A1", scan(8))])

    assert await database.serving.fetchval("select count(*) from tracking") == 0
    await intake.stop()
