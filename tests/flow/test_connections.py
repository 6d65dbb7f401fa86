"""Connections: the one used for a parcel, its spent budget and its health, across processes and changes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import msgspec
import pytest

from tests.support.databases import add_account
from tests.support.states import TODAY
from waypost.domain import ids
from waypost.domain.budget import Budget, Spending
from waypost.domain.carriers import (
    CarrierError,
    CarrierLimited,
    CarrierRefused,
    CarrierUnavailable,
    CarrierUnreadable,
    Parcel,
)
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.statuses import Status
from waypost.domain.trackings import Source, Update
from waypost.intake.collector import Intake
from waypost.intake.poller import Poller
from waypost.intake.requests import Request
from waypost.store import connection_changes as changes
from waypost.store import connections, watches
from waypost.store.clock import DatabaseClock
from waypost.store.connections import ConnectionRow
from waypost.store.database import Database

PLENTY = Budget(calls_a_day=1_000_000, calls_a_second=10_000, polls_of_a_parcel_a_day=1_000)
CODES = {"dhl": frozenset({"dhl"}), "ups": frozenset({"ups", "ups-mi"})}
SCAN = Checkpoint(f"{TODAY}T08:00:00", "On its way", checkpoint_delivery_status=Status.TRANSIT)
FOUND = Update(Source.POLL, (SCAN,))
UNKNOWN = Update(Source.POLL, unknown_number=True)


@dataclass
class Asked:
    """A source of the test's own, for one connection."""

    answer: Update | CarrierError = FOUND
    budget: Budget = PLENTY
    name: str = "test"
    courier_codes: frozenset[str] = frozenset()
    extra_calls: int = 0
    extra_for_each: int = 0
    numbers: list[str] = field(default_factory=list)

    async def probe(self) -> None:
        if isinstance(self.answer, CarrierError):
            raise self.answer

    async def poll(self, tracking_number: str, facts: Mapping[str, str]) -> Update:
        del facts
        self.numbers.append(tracking_number)
        self.extra_calls += self.extra_for_each
        if isinstance(self.answer, CarrierError):
            raise self.answer
        return self.answer


@dataclass
class AskedForMany(Asked):
    most_at_once: int = 10
    calls: list[int] = field(default_factory=list)
    unreadable: str = ""

    async def poll_many(self, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
        self.calls.append(len(parcels))
        bad: CarrierError = CarrierUnreadable("odd", sample="{}")
        return [bad if one.tracking_number == self.unreadable else FOUND for one in parcels]


@dataclass
class World:
    database: Database
    intake: Intake
    account: UUID
    sources: dict[UUID, Asked] = field(default_factory=dict)
    detected: tuple[str, ...] = ()
    ahead_ms: int = 0

    async def connect(self, source: str, asked: Asked | None = None, account: UUID | None = None) -> UUID:
        connection = ids.make_id(DatabaseClock()(), 0, uuid4().int)
        async with self.database.engine.acquire() as session:
            await changes.insert_connection(
                session,
                connection=connection,
                account=account or self.account,
                source=source,
                kind="carrier",
                name=source,
                credentials=b"sealed",
                settings={},
            )
        self.sources[connection] = asked or Asked()
        return connection

    async def share(self, source: str, asked: Asked | None = None) -> UUID:
        connection = ids.make_id(0, 0, len(self.sources) + 1)
        async with self.database.engine.acquire() as session:
            await changes.keep_installation(session, {connection: changes.KeptConnection(source, source)})
        self.sources[connection] = asked or Asked()
        return connection

    async def register(self, *numbers: str, courier: str = "dhl") -> None:
        await self.intake.submit([Request(self.account, one, courier, create=True) for one in numbers])

    def poller(self) -> Poller:
        return Poller(
            self.database,
            self.intake,
            codes=CODES,
            detect=lambda _number: self.detected,
            open_source=lambda row: self.sources[row.id],
            clock=DatabaseClock(lambda: self.ahead_ms),
        )

    async def poll(self) -> int:
        """Let everything that waits be due, and ask as a process that has just begun."""
        await self.database.serving.execute("update watch set next_poll_at = now() where next_poll_at is not null")
        return await self.poller().run_once()

    async def row(self, connection: UUID) -> ConnectionRow:
        async with self.database.engine.acquire() as session:
            (row,) = await connections.by_ids(session, [connection])
        return row

    async def watch(self) -> watches.Watch:
        async with self.database.engine.acquire() as session:
            found = await watches.watch_of(session, await session.fetchval("select tracking from watch"))
        assert found is not None
        return found

    async def spending(self, connection: UUID) -> Spending:
        return msgspec.msgpack.decode((await self.row(connection)).spending or b"", type=Spending)

    def asked(self, connection: UUID) -> list[str]:
        return self.sources[connection].numbers


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    intake = Intake(database, polled=frozenset({"dhl", "ups"}), hint=lambda _endpoints: None)
    intake.start()
    yield World(database, intake, await add_account(database))
    await intake.stop()


async def test_the_accounts_own_connection_takes_precedence_over_the_operators(world: World) -> None:
    shared, own = await world.share("dhl"), await world.connect("dhl")
    await world.register("A1")

    await world.poll()

    assert (world.asked(own), world.asked(shared)) == (["A1"], [])
    assert (await world.watch()).connection == own


async def test_connections_of_other_accounts_are_never_used(world: World) -> None:
    other = await world.connect("dhl", account=await add_account(world.database))
    await world.register("A1")

    assert await world.poll() == 0
    assert world.asked(other) == []


async def test_an_unpolled_parcel_is_polled_once_a_carrier_is_connected(world: World) -> None:
    await world.register("A1")
    assert await world.poll() == 0
    waiting = await world.watch()

    own = await world.connect("dhl")
    assert await world.poll() == 1

    assert (waiting.connection, waiting.next_poll_at) == (None, None)
    assert world.asked(own) == ["A1"]


async def test_an_accounts_new_connection_takes_over_from_the_operators(world: World) -> None:
    shared = await world.share("dhl")
    await world.register("A1")
    await world.poll()

    own = await world.connect("dhl")
    await world.poll()

    assert (world.asked(shared), world.asked(own)) == (["A1"], ["A1"])


async def test_a_new_operators_connection_polls_waiting_parcels(world: World) -> None:
    await world.register("A1")
    await world.poll()

    shared = await world.share("dhl")
    await world.poll()

    assert world.asked(shared) == ["A1"]


async def test_the_operators_connection_is_used_only_for_permitted_accounts(world: World) -> None:
    shared, other = await world.share("dhl"), await add_account(world.database)
    await world.register("A1")
    await world.poll()
    async with world.database.engine.acquire() as session:
        await changes.update_shared_with(session, shared, [other])
        mine = await connections.of_account(session, world.account, shared=True)
        theirs = await connections.of_account(session, other, shared=True)
    await world.poll()
    lost = await world.watch()
    async with world.database.engine.acquire() as session:
        await changes.update_shared_with(session, shared, [other, world.account])
    await world.poll()

    assert (mine, [one.id for one in theirs]) == ([], [shared])
    assert (lost.connection, lost.next_poll_at) == (None, None)
    assert world.asked(shared) == ["A1", "A1"]
    assert (await world.watch()).connection == shared


async def test_parcels_of_accounts_that_keep_a_connection_are_not_polled_again(world: World) -> None:
    shared = await world.share("dhl")
    await world.register("A1")
    await world.poll()
    before = await world.watch()

    async with world.database.engine.acquire() as session:
        await changes.update_shared_with(session, shared, [world.account])
    await world.poller().route()

    assert await world.watch() == before


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_parcels_of_a_deleted_connection_move_to_another(world: World, how: str) -> None:
    first = await world.connect("dhl")
    await world.register("A1")
    await world.poll()
    second = await world.connect("dhl")
    async with world.database.engine.acquire() as session:
        if how == "deleted":
            await changes.delete_connection(session, world.account, first)
        else:
            row = await world.row(first)
            await changes.update_connection(session, row, name="x", enabled=False, credentials=None, settings={})

    for _ in range(2):  # one frees, one asks
        await world.poll()

    assert (world.asked(first), world.asked(second)) == (["A1"], ["A1"])


async def test_after_three_unknown_numbers_in_a_row_the_next_plausible_source_is_polled(world: World) -> None:
    first, second = await world.connect("dhl", Asked(UNKNOWN)), await world.connect("ups", Asked(UNKNOWN))
    world.detected = ("ups",)
    await world.register("A1")

    for _ in range(7):
        await world.poll()

    watch = await world.watch()
    assert (len(world.asked(first)), len(world.asked(second))) == (4, 3)
    assert (watch.connection, watch.tried, watch.outcome) == (first, (first, second), "unknown_number")
    assert await world.database.serving.fetchval("select courier_code from tracking") == "dhl"


async def test_an_answer_in_between_resets_the_count(world: World) -> None:
    asked = Asked(UNKNOWN)
    first, second = await world.connect("dhl", asked), await world.connect("dhl")
    await world.register("A1")

    for answer in (UNKNOWN, UNKNOWN, FOUND, UNKNOWN, UNKNOWN):
        asked.answer = answer
        await world.poll()

    assert (len(world.asked(first)), world.asked(second)) == (5, [])


async def test_a_batch_is_one_call_and_a_bad_answer_affects_only_its_parcel(world: World) -> None:
    asked = AskedForMany(unreadable="A3")
    own = await world.connect("dhl", asked)
    await world.register(*[f"A{number}" for number in range(25)])

    assert await world.poll() == 25

    assert sorted(asked.calls) == [5, 10, 10]
    assert ((spent := await world.spending(own)).spent_today, spent.paused_until) == (3, 0)
    assert await world.database.serving.fetchval("select count(*) from event") == 24


async def test_token_requests_count_against_the_budget(world: World) -> None:
    own = await world.connect("dhl", Asked(extra_for_each=2))
    await world.register("A1", "A2")

    await world.poll()

    assert (await world.spending(own)).spent_today == 6


async def test_the_spent_budget_is_known_to_the_next_process(world: World) -> None:
    own = await world.connect("dhl", Asked(budget=Budget(48, 10_000, 1_000)))
    await world.register(*[f"A{number}" for number in range(6)])

    asked = [await world.poll() for _ in range(3)]

    assert asked == [1, 0, 0]
    assert (await world.spending(own)).spent_today == 1


@pytest.mark.parametrize(
    ("error", "state", "sample"),
    [
        (CarrierLimited("too often", retry_after_seconds=60), "limited", None),
        (CarrierRefused("the key is not accepted (401)"), "refused", None),
        (CarrierUnreadable("the response cannot be read", sample="{a: str}"), "unreadable", "{a: str}"),
        (CarrierUnavailable("no answer"), "works", None),
    ],
)
async def test_a_connection_shows_its_health(world: World, error: CarrierError, state: str, sample: str | None) -> None:
    asked = Asked()
    own = await world.connect("dhl", asked)
    await world.register("A1")
    new = (await world.row(own)).state
    await world.poll()
    worked = await world.row(own)
    asked.answer = error
    await world.poll()

    row = await world.row(own)
    assert (new, worked.state) == ("new", "works")
    assert worked.last_answer_at is not None
    assert (row.state, row.sample) == (state, sample)
    assert row.message == (str(error) if state != "works" else f"The last poll failed: {error}")


async def test_replacing_a_rejected_key_resumes_polling_at_once(world: World) -> None:
    asked = Asked(CarrierRefused("no"))
    own = await world.connect("dhl", asked)
    await world.register("A1")
    await world.poll()
    assert await world.poll() == 0
    asked.answer = FOUND

    async with world.database.engine.acquire() as session:
        row = await world.row(own)
        await changes.update_connection(session, row, name="dhl", enabled=True, credentials=b"better", settings={})

    assert (await world.row(own)).state == "new"
    assert await world.poll() == 1


async def test_a_connection_is_used_by_one_process_at_a_time(world: World) -> None:
    own = await world.connect("dhl")
    await world.register("A1")
    other = uuid4()
    async with world.database.engine.acquire() as session:
        assert await changes.lease_connections(session, [own], other, seconds=30) == {own}

    assert await world.poll() == 0
    async with world.database.engine.acquire() as session:
        await changes.release_connections(session, other)
    assert await world.poll() == 1


async def test_a_connection_that_cannot_be_opened_delays_no_other(world: World) -> None:
    bad, good = await world.connect("dhl"), await world.connect("ups")
    await world.register("A1")
    await world.register("B1", courier="ups")
    good_source = world.sources[good]

    def open_source(row: ConnectionRow) -> Asked:
        if row.id == bad:
            raise ValueError("sealed under another key")
        return good_source

    poller = Poller(world.database, world.intake, codes=CODES, detect=lambda _number: (), open_source=open_source)

    assert await poller.run_once() == 1
    assert good_source.numbers == ["B1"]


async def test_the_load_has_the_number_of_parcels_and_the_oldest_delay(world: World) -> None:
    own = await world.connect("dhl")
    await world.register("A1", "A2", "A3")
    await world.poller().route()
    await world.database.serving.execute(
        "update watch set next_poll_at = now() - interval '3 hours'"
        " where tracking = (select tracking from watch limit 1)"
    )

    async with world.database.engine.acquire() as session:
        load = await connections.load(session, own)
        late = await session.fetchval("select now() - $1", load.oldest)

    assert load.parcels == 3
    assert late.total_seconds() == pytest.approx(3 * 3600, abs=60)
