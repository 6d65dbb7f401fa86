"""The poll loop: which parcels it polls, how often, and how it handles slow, strict or faulty carriers."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.support.databases import add_account, add_endpoint
from tests.support.receiver import HANGS_AFTER_SECONDS
from tests.support.states import TODAY
from waypost.domain.budget import Budget
from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import Status
from waypost.domain.trackings import Skipped, SkipReason, Source, Update
from waypost.intake.collector import Intake
from waypost.intake.poller import Poller
from waypost.intake.requests import Request
from waypost.intake.unread import SKIPPED
from waypost.store import connection_changes
from waypost.store.clock import DatabaseClock
from waypost.store.database import Database

CONNECTION = UUID("00000000-0000-7000-8000-00000000000c")
PLENTY = Budget(calls_a_day=1_000_000, calls_a_second=10_000, polls_of_a_parcel_a_day=1_000)
Answer = Callable[[str], Update]


def found(_number: str) -> Update:
    scan = Checkpoint(f"{TODAY}T08:00:00", "On its way", checkpoint_delivery_status=Status.TRANSIT)
    return Update(Source.POLL, (scan,))


@dataclass
class Carrier:
    """A scripted carrier that records its requests."""

    answer: Answer = found
    allowed: Budget = PLENTY
    asked: list[str] = field(default_factory=list)
    facts: list[Mapping[str, str]] = field(default_factory=list)
    name: str = "test"
    courier_codes: frozenset[str] = frozenset({"dhl"})
    extra_calls: int = 0

    @property
    def budget(self) -> Budget:
        return self.allowed

    async def probe(self) -> None:
        pass

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        self.asked.append(tracking_number)
        self.facts.append(facts)
        return self.answer(tracking_number)


@dataclass
class World:
    database: Database
    intake: Intake
    account: UUID
    offset_ms: int = 0

    async def register(self, *numbers: str, **given: str) -> None:
        await self.intake.submit([Request(self.account, n, "dhl", create=True, given=given) for n in numbers])

    def poller(self, carrier: Carrier, speed: float = 1.0) -> Poller:
        return Poller(
            self.database,
            self.intake,
            codes={"test": carrier.courier_codes},
            detect=lambda _number: (),
            open_source=lambda _row: carrier,
            speed=speed,
            clock=DatabaseClock(lambda: self.offset_ms),
        )

    async def waits(self) -> dict[str, float | None]:
        """Return the seconds until each parcel is polled again."""
        rows = await self.database.serving.fetch(
            "select tracking_number, extract(epoch from next_poll_at - now())::float8 as wait"
            " from watch join tracking on id = tracking"
        )
        return {row["tracking_number"]: row["wait"] for row in rows}

    async def leased(self) -> int:
        count: int = await self.database.serving.fetchval("select count(*) from watch where leased_until > now()")
        return count

    async def make_due(self) -> None:
        await self.database.serving.execute("update watch set next_poll_at = now()")


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    intake = Intake(database, polled=frozenset({"dhl"}), hint=lambda _endpoints: None)
    intake.start()
    async with database.engine.acquire() as session:
        await connection_changes.keep_installation(
            session, {CONNECTION: connection_changes.KeptConnection("test", "Test")}
        )
    yield World(database, intake, await add_account(database))
    await intake.stop()


def raising(error: Exception) -> Answer:
    def answer(_number: str) -> Update:
        raise error

    return answer


async def test_a_new_parcel_is_polled_at_once_and_its_answer_becomes_an_event(world: World) -> None:
    await add_endpoint(world.database, world.account)
    carrier = Carrier()
    await world.register("A1", recipient_postcode="28309", title="Mug")

    asked = await world.poller(carrier).run_once()

    assert (asked, carrier.asked) == (1, ["A1"])
    assert carrier.facts[0]["recipient_postcode"] == "28309"
    row = await world.database.serving.fetchrow("select status, source from event")
    assert row is not None
    assert tuple(row) == ("transit", "poll")
    assert await world.database.serving.fetchval("select count(*) from due") == 1
    wait = (await world.waits())["A1"]
    assert wait is not None
    assert 3.6 * 3600 * 0.99 < wait < 4.4 * 3600


async def test_skipped_scans_are_logged_once_and_counted_each_time(world: World) -> None:
    def in_part(_number: str) -> Update:
        odd = Skipped("events[1]", SkipReason.TIME)
        return msgspec.structs.replace(found(_number), skipped=(odd, odd))

    await world.register("A1", "A2")
    before = SKIPPED.copy()

    with capture_logs() as lines:
        await world.poller(Carrier(in_part, name="once")).run_once()

    assert SKIPPED - before == Counter({("once", SkipReason.TIME): 4})
    told = [(line["source"], line["reason"], line["field"]) for line in lines if line["event"] == "scan_skipped"]
    assert told == [("once", "time", "events[1]")]
    assert await world.database.serving.fetchval("select count(*) from event") == 2


async def test_the_speed_setting_shortens_intervals(world: World) -> None:
    await world.register("A1")

    await world.poller(Carrier(), speed=60).run_once()

    wait = (await world.waits())["A1"]
    assert wait is not None
    assert 120 < wait < 300  # four minutes instead of four hours, less what passed until it was looked at


async def test_polls_without_news_lengthen_the_interval(world: World) -> None:
    await world.register("A1")
    carrier, waits = Carrier(), []
    for _ in range(3):
        await world.poller(carrier).run_once()
        waits.append((await world.waits())["A1"])
        await world.make_due()

    first, second, third = (wait or 0 for wait in waits)
    assert first * 1.9 < second < first * 2.1
    assert second < third


async def test_an_unknown_number_is_an_event_and_polled_again(world: World) -> None:
    await world.register("A1")

    await world.poller(Carrier(answer=lambda _number: Update(Source.POLL, unknown_number=True))).run_once()

    assert await world.database.serving.fetchval("select substatus from event") == "notfound002"
    assert (await world.waits())["A1"] is not None


async def test_a_machine_whose_clock_is_a_year_ahead_gives_up_no_parcel(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.register("A1")
    year = timedelta(days=365)
    monkeypatch.setattr(time, "time_ns", lambda true=time.time_ns: true() + year // timedelta(microseconds=1) * 1000)

    poller = world.poller(Carrier(answer=lambda _number: Update(Source.POLL, unknown_number=True)))

    await poller.run_once()
    await world.make_due()
    await poller.run_once()

    assert (await world.waits())["A1"] is not None


async def test_urgent_parcels_are_polled_first(world: World) -> None:
    numbers = [f"A{number:02}" for number in range(40)]
    await world.register(*numbers)
    at_the_door = Checkpoint(f"{TODAY}T08:00:00", "x", checkpoint_delivery_status=Status.PICKUP)
    await world.intake.submit([Request(world.account, "A39", "dhl", Update(Source.API, (at_the_door,)))])
    carrier = Carrier()

    await world.poller(carrier).run_once()

    assert "A39" in carrier.asked
    assert len(carrier.asked) < len(numbers)


async def test_polls_stay_within_the_budget_without_blocking_others(world: World) -> None:
    await world.register(*[f"A{number}" for number in range(10)])
    carrier = Carrier(allowed=Budget(calls_a_day=96, calls_a_second=10_000, polls_of_a_parcel_a_day=10))
    poller = world.poller(carrier)

    asked = [await poller.run_once() for _ in range(3)]

    assert sum(asked) == len(carrier.asked) == 3  # an hour's worth is 4, and a quarter of it is kept for urgent ones
    assert await world.leased() == 0
    assert sum((wait or 0) <= 0 for wait in (await world.waits()).values()) == 7


async def test_two_pollers_never_poll_the_same_parcel(world: World) -> None:
    numbers = [f"A{number}" for number in range(100)]
    await world.register(*numbers)
    carrier = Carrier()
    pollers = [world.poller(carrier) for _ in range(4)]

    for _ in range(10):
        await asyncio.gather(*[poller.run_once() for poller in pollers])

    assert sorted(carrier.asked) == sorted(numbers)


async def test_a_429_pauses_the_credential_not_its_parcels(world: World) -> None:
    await world.register("A1", "A2")
    carrier = Carrier(answer=raising(CarrierLimited("429", retry_after_seconds=120)))
    poller = world.poller(carrier)

    await poller.run_once()
    before = len(carrier.asked)
    carrier.answer = found
    during = await poller.run_once()
    world.offset_ms = 121_000
    after = await poller.run_once()

    assert (during, after) == (0, 2)
    assert len(carrier.asked) == before + 2


async def test_a_rejected_key_is_not_used_again_for_an_hour(world: World) -> None:
    await world.register("A1")
    carrier = Carrier(answer=raising(CarrierRefused("401")))
    poller = world.poller(carrier)

    await poller.run_once()
    world.offset_ms = 3_500_000
    too_early = await poller.run_once()

    assert (too_early, carrier.asked) == (0, ["A1"])
    assert ((await world.waits())["A1"] or 0) <= 0


@pytest.mark.parametrize("error", [CarrierUnavailable("no answer"), ValueError("a bug of ours")])
async def test_a_failure_delays_its_parcel_by_minutes_and_the_source_by_a_moment(
    world: World, error: Exception
) -> None:
    await world.register("A1")
    poller = world.poller(carrier := Carrier(answer=raising(error)))

    await poller.run_once()

    wait = (await world.waits())["A1"]
    assert wait is not None
    assert 290 < wait <= 300
    carrier.answer = found
    await world.make_due()
    world.offset_ms = 1_100
    assert await poller.run_once() == 1


async def test_calls_that_fail_at_once_are_one_failure_and_pause_the_source_for_a_moment(world: World) -> None:
    await world.register(*[f"A{number}" for number in range(16)])
    poller = world.poller(carrier := Carrier(answer=raising(CarrierUnavailable("no answer"))))

    assert await poller.run_once() == 16

    carrier.answer = found
    await world.make_due()
    world.offset_ms = 1_100
    assert await poller.run_once() == 16


async def test_the_parcels_of_a_dead_poller_are_polled_after_its_lease_expires(world: World) -> None:
    await world.register("A1")
    died = asyncio.Event()

    class Dying(Carrier):
        async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
            died.set()
            await asyncio.Event().wait()
            return await super().poll(tracking_number, facts)

    task = asyncio.create_task(world.poller(Dying()).run_once())
    await died.wait()
    task.cancel()
    carrier = Carrier()

    too_early = await world.poller(carrier).run_once()
    await world.database.serving.execute("update watch set leased_until = now() - interval '1 second'")
    await world.database.serving.execute("update connection_health set asked_until = now() - interval '1 second'")
    later = await world.poller(carrier).run_once()

    assert (too_early, later) == (0, 1)


async def test_a_late_answer_does_not_move_a_parcel_leased_by_another(world: World) -> None:
    await world.register("A1")
    taken_over = asyncio.Event()

    class Slow(Carrier):
        async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
            await taken_over.wait()
            return await super().poll(tracking_number, facts)

    slow = asyncio.create_task(world.poller(Slow()).run_once())
    while not await world.leased():
        pass
    await world.database.serving.execute("update watch set leased_until = now() + interval '1 hour'")
    taken_over.set()
    await slow

    assert await world.leased() == 1


async def test_without_a_source_the_poller_waits_until_stopped(world: World) -> None:
    stop = asyncio.Event()
    stop.set()

    await Poller(
        world.database, world.intake, codes={}, detect=lambda _number: (), open_source=lambda _row: Carrier()
    ).serve(stop)


async def test_the_poller_polls_on_its_own_until_stopped(world: World) -> None:
    await world.register("A1")
    carrier, stop = Carrier(), asyncio.Event()
    serving = asyncio.create_task(world.poller(carrier).serve(stop))
    async with asyncio.timeout(10):
        while await world.database.serving.fetchval("select count(*) from event") == 0:
            pass

    stop.set()
    await asyncio.wait_for(serving, 10)

    assert carrier.asked == ["A1"]


@dataclass
class FewAtOnce(Carrier):
    """A carrier that can be asked two things at once, and never answers."""

    calls_at_once: int = 2
    all_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        self.asked.append(tracking_number)
        if len(self.asked) == self.calls_at_once:
            self.all_asked.set()
        await asyncio.Event().wait()
        return await super().poll(tracking_number, facts)


async def test_a_source_that_can_be_asked_little_at_once_takes_no_slot_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.intake.poller.CALLS_AT_ONCE", 1)
    await world.register(*(f"{number}" for number in range(20)))
    poller = world.poller(carrier := FewAtOnce())
    polling = asyncio.create_task(poller.run_once())
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        await carrier.all_asked.wait()

    assert len(carrier.asked) == await world.leased() == 2
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)
