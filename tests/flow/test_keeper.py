"""Housekeeping: partitions, retention, expiry, leftovers of disabled endpoints, old keys."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.support.databases import add_account, add_endpoint
from waypost.domain import ids
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import Status
from waypost.domain.trackings import Source, Update
from waypost.intake.collector import Intake
from waypost.intake.requests import Request
from waypost.keeper.keeper import EVER, Keeper
from waypost.store import duties, partitions
from waypost.store.clock import DatabaseClock
from waypost.store.database import Database
from waypost.store.statements import SENT

DAY_MS = 86_400_000
HOUR = timedelta(hours=1)
KEY = "insert into idempotency (bucket, account, key, request, at) values (1, $1, $2, '', now() - $3::interval)"


@dataclass
class House:
    database: Database
    intake: Intake
    account: UUID
    offset_ms: int = 0

    def keeper(self) -> Keeper:
        return Keeper(self.database, self.intake, history_days=30, clock=DatabaseClock(lambda: self.offset_ms))

    async def report(self, number: str, status: Status = Status.TRANSIT) -> None:
        scan = Checkpoint("2026-07-01T08:00:00", "Scanned", checkpoint_delivery_status=status)
        await self.intake.submit([Request(self.account, number, "dhl", Update(Source.API, (scan,)), create=True)])

    async def count(self, what: str) -> int:
        found: int = await self.database.serving.fetchval(f"select count(*) from {what}")  # noqa: S608 - text of the test's own
        return found


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    intake = Intake(database, polled=frozenset(), hint=lambda _endpoints: None)
    intake.start()
    yield House(database, intake, await add_account(database))
    await intake.stop()


async def turn_off(house: House, endpoint: UUID) -> None:
    """Turn an endpoint off behind the API's back, so that what waits for it stays."""
    statement = "update endpoint set enabled = false, disabled_reason = 'user' where id = $1"
    await house.database.serving.execute(statement, endpoint)


async def test_names_of_parcels_from_before_the_search_for_names_are_added_once(house: House) -> None:
    named = Update(Source.API, facts={"customer_name": "Anna Müller"})
    update = Request(house.account, "A1", "dhl", named, create=True)
    await house.intake.submit([update])
    forget = "update tracking set customer_name = null"
    await house.database.serving.execute(forget)

    first = await house.keeper().run_once()
    names = await house.database.serving.fetchval("select customer_name from tracking")
    async with house.database.engine.acquire() as session, duties.duty(session, 30, every=EVER) as due_again:
        pass

    assert first["customer_names"] == 1
    assert names == "anna muller"
    assert not due_again
    assert (await house.keeper().run_once())["customer_names"] == 0


async def test_partitions_exist_seven_days_ahead(house: House) -> None:
    await house.keeper().run_once()  # those of this run may have been made yesterday
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for table in partitions.PARTITIONED:
        await house.database.serving.execute(f"drop table {table}_{tomorrow:%Y%m%d}")

    done = await house.keeper().run_once()

    assert done["partitions"] == len(partitions.PARTITIONED)
    assert (await house.keeper().run_once())["partitions"] == 0


async def make_old(house: House, days: int) -> None:
    """Move a waiting delivery and its event back by this number of days."""
    at = DatabaseClock()() - days * DAY_MS
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    async with house.database.serving.acquire() as session:
        for table in partitions.PARTITIONED:
            await session.execute(
                f"create table if not exists {table}_{day:%Y%m%d} partition of {table}"
                f" for values from ('{day}') to ('{day + timedelta(days=1)}')"
            )
        tracking = await session.fetchval("select id from tracking limit 1")
        bucket = ids.bucket(tracking)
        event, delivery = ids.make_id(at, bucket, days), ids.make_id(at, bucket, days)
        await session.execute(
            "insert into event select bucket, $1, $2, account, tracking, tracking_number, courier_code, 1000 + $3,"
            " status, substatus, previous_status, source, 1, null, state from event limit 1",
            day,
            event,
            days,
        )
        await session.execute(
            "insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, blocked)"
            " select bucket, $1, endpoint, tracking, $2, 1000 + $3, 'ordered', true from due limit 1",
            delivery,
            event,
            days,
        )


async def test_deliveries_older_than_the_history_are_settled_and_their_partition_dropped(house: House) -> None:
    await add_endpoint(house.database, house.account)
    await house.report("A1")
    await make_old(house, 31)
    await make_old(house, 20)

    done = await house.keeper().run_once()

    assert done["retention"] == len(partitions.PARTITIONED)
    waiting = await house.database.serving.fetch("select sequence from due order by sequence")
    assert [row["sequence"] for row in waiting] == [1, 1020]
    assert await house.count("event") == 2


async def test_a_machine_whose_clock_is_years_ahead_deletes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    years = timedelta(days=4000)
    monkeypatch.setattr(time, "time_ns", lambda true=time.time_ns: true() + years // timedelta(microseconds=1) * 1000)
    now = await house.database.serving.fetchval("select extract(epoch from now())::float8")
    push = ids.make_id(round(now * 1000), 0, 1)
    await house.database.serving.execute(
        "insert into inbound (id, account, connection, source, size, push, unreadable)"
        " values ($1, $2, $2, 'x', 1, '', 'odd')",
        push,
        house.account,
    )

    done = await house.keeper().run_once()

    assert (done["pushes"], done["audit_log"], done["expiry"]) == (0, 0, 0)
    assert await house.count("inbound") == 1


async def test_a_partition_being_read_is_dropped_later_without_blocking_anyone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_SECONDS", 0.05)
    await add_endpoint(house.database, house.account)
    await house.report("A1")
    await make_old(house, 31)
    oldest = datetime.now(UTC).date() - timedelta(days=30)

    async with house.database.serving.acquire() as reader, reader.transaction():
        await reader.fetchval("select count(*) from event")
        async with house.database.holding.acquire() as session:
            dropped = await partitions.drop_before(session, oldest)
        await house.report("A2")
    async with house.database.holding.acquire() as session:
        left = await partitions.drop_before(session, oldest)

    assert len(dropped) == len(partitions.PARTITIONED) - 1
    assert [name.rpartition("_")[0] for name in left] == ["event"]


async def test_a_delivery_about_to_lose_its_event_fails_as_expired_and_releases_the_next(house: House) -> None:
    await add_endpoint(house.database, house.account)
    await house.report("A1")
    await make_old(house, 30)
    await house.database.serving.execute("delete from due where sequence = 1")
    await house.database.serving.execute("update due set blocked = false")
    await house.report("A1", Status.DELIVERED)

    await house.keeper().run_once()

    async with house.database.engine.acquire() as session:
        today = await partitions.today(session)
    row = await house.database.serving.fetchrow("select state, reason from settled where day < $1", today)
    assert row is not None
    assert tuple(row) == ("failed", "expired")
    assert await house.database.serving.fetchval("select bool_or(blocked) from due") is False


async def test_a_parcel_without_news_for_thirty_days_expires_with_an_event(house: House) -> None:
    await add_endpoint(house.database, house.account)
    await house.report("A1")
    await house.report("A2", Status.DELIVERED)
    await house.database.serving.execute("update watch set expires_at = now()")
    house.offset_ms = 31 * DAY_MS

    done = await house.keeper().run_once()

    assert done["expiry"] == 1
    rows = await house.database.serving.fetch(
        "select tracking_number, status, source from event order by id desc limit 1"
    )
    assert [tuple(row) for row in rows] == [("A1", "expired", "expiry")]
    assert (await house.keeper().run_once())["expiry"] == 0


async def test_a_parcel_with_news_is_checked_again_when_it_could_expire(house: House) -> None:
    await house.report("A1")
    await house.database.serving.execute("update watch set expires_at = now()")

    assert (await house.keeper().run_once())["expiry"] == 0

    wait = await house.database.serving.fetchval("select expires_at - now() from watch")
    assert timedelta(days=29) < wait <= timedelta(days=30)


async def test_deliveries_queued_while_an_endpoint_was_being_disabled_are_cancelled(house: House) -> None:
    off, on = await add_endpoint(house.database, house.account), await add_endpoint(house.database, house.account)
    await house.report("A1")
    await house.database.serving.execute(
        "update endpoint set enabled = false, disabled_reason = 'user' where id = $1", off
    )

    done = await house.keeper().run_once()

    assert done["sweep"] == 1
    assert await house.database.serving.fetchval("select endpoint from due") == on
    assert await house.database.serving.fetchval("select reason from settled") == "endpoint_off"


async def test_idempotency_keys_are_deleted_after_a_day(house: House) -> None:
    await house.database.serving.execute(KEY, house.account, "old", timedelta(hours=25))
    await house.database.serving.execute(KEY, house.account, "young", timedelta(hours=23))

    done = await house.keeper().run_once()

    assert done["idempotency_keys"] == 1
    assert await house.database.serving.fetchval("select key from idempotency") == "young"


async def test_only_one_keeper_at_a_time_does_a_duty(house: House) -> None:
    keeper = house.keeper()
    number = next(duty.number for duty in keeper.duties if duty.name == "sweep")
    endpoint = await add_endpoint(house.database, house.account)
    await house.report("A1")
    await turn_off(house, endpoint)

    async with house.database.engine.acquire() as other, duties.duty(other, number, every=timedelta(0)) as taken:
        while_taken = (await keeper.run_once())["sweep"]

    assert (taken, while_taken) == (True, 0)
    assert (await keeper.run_once())["sweep"] == 1


async def test_several_keepers_do_no_more_than_one(house: House) -> None:
    async with house.database.engine.acquire() as session:
        async with duties.duty(session, 1, every=HOUR) as first:
            pass
        async with duties.duty(session, 1, every=HOUR) as soon, duties.duty(session, 2, every=HOUR) as else_:
            pass
        await session.execute("update duty set done_at = done_at - interval '1 hour'")
        async with duties.duty(session, 1, every=HOUR) as later:
            pass

    assert (first, soon, else_, later) == (True, False, True, True)


async def test_several_keepers_send_the_statements_of_one(house: House) -> None:
    sent = []
    for count in (1, 2, 4):
        await house.database.serving.execute("delete from duty")
        before = SENT.copy()
        for keeper in [house.keeper() for _ in range(count)]:
            for duty in keeper.duties:
                await keeper._do(duty, every=timedelta(seconds=duty.every_seconds))
        asked = ("take_duty", "is_duty_due", "end_duty")  # by each of them
        sent.append({name: times for name, times in (SENT - before).items() if name not in asked})

    assert sent == [sent[0]] * 3
    assert len(sent[0]) > len(house.keeper().duties)


async def test_a_failed_duty_does_not_count_as_done(house: House) -> None:
    async with house.database.engine.acquire() as session:
        with suppress(RuntimeError):
            async with duties.duty(session, 1, every=HOUR):
                raise RuntimeError
        async with duties.duty(session, 1, every=HOUR) as again:
            pass

    assert again


async def test_a_failed_duty_does_not_prevent_the_others(house: House) -> None:
    await house.database.serving.execute("alter table watch rename to hidden")
    await house.database.serving.execute(KEY, house.account, "old", timedelta(days=2))

    done = await house.keeper().run_once()

    assert (done["expiry"], done["idempotency_keys"]) == (0, 1)


async def test_the_keeper_does_every_duty_and_stops_on_request(house: House) -> None:
    stop = asyncio.Event()
    endpoint = await add_endpoint(house.database, house.account)
    await house.report("A1")
    await turn_off(house, endpoint)
    serving = asyncio.create_task(house.keeper().serve(stop))
    async with asyncio.timeout(10):
        while await house.count("due"):
            pass

    stop.set()
    await asyncio.wait_for(serving, 10)
