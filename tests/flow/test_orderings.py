"""The three orderings of an endpoint (promise 4): what waits, what is superseded, what is sent at once."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.conftest import Judge
from tests.flow.test_queue import claim, delivered, refused, report, settle
from tests.support.api import Api, Caller
from tests.support.databases import add_account, add_endpoint
from tests.support.faults import Tally
from tests.support.queues import stuck
from waypost.domain.deliveries import Reason
from waypost.store.database import Database
from waypost.store.rows import Claimed, Finished
from waypost.store.trouble import REPEATABLE


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


@pytest.fixture
async def latest(database: Database, account: UUID) -> UUID:
    return await add_endpoint(database, account, ordering="latest")


async def waiting(database: Database) -> list[tuple[int, str, bool]]:
    rows = await database.serving.fetch("select sequence, ordering, blocked from due order by sequence, id")
    return [tuple(row) for row in rows]


async def ended(database: Database) -> list[tuple[int, str, str | None, int]]:
    rows = await database.serving.fetch("select sequence, state, reason, tries from settled order by sequence, id")
    return [tuple(row) for row in rows]


@pytest.mark.usefixtures("latest")
async def test_under_latest_a_newer_event_supersedes_deliveries_not_in_flight(
    database: Database, account: UUID
) -> None:
    await report(database, account, "A1", 8)
    await report(database, account, "B1", 8)

    await report(database, account, "A1", 9)

    assert await ended(database) == [(1, "superseded", "newer_event", 0)]
    assert await waiting(database) == [(1, "latest", False), (2, "latest", False)]


@pytest.mark.usefixtures("latest")
async def test_under_latest_only_the_newest_of_several_new_events_is_queued(database: Database, account: UUID) -> None:
    await report(database, account, "A1", 8, 9, 10)

    assert await waiting(database) == [(3, "latest", False)]
    assert [end[:2] for end in await ended(database)] == [(1, "superseded"), (2, "superseded")]
    assert await database.serving.fetchval("select sum(deliveries) from event") == 3


async def test_under_latest_the_newest_event_waits_behind_the_one_in_flight(
    database: Database, account: UUID, latest: UUID
) -> None:
    await report(database, account, "A1", 8)
    (first,) = await claim(database, latest)
    await report(database, account, "A1", 9)

    await report(database, account, "A1", 10)

    assert await waiting(database) == [(1, "latest", False), (3, "latest", True)]
    await settle(database, delivered(first))
    assert [end[:2] for end in await ended(database)] == [(1, "delivered"), (2, "superseded")]
    (newest,) = await claim(database, latest)
    assert newest.sequence == 3


async def test_under_latest_a_failed_attempt_is_not_retried_if_a_newer_event_waits(
    database: Database, account: UUID, latest: UUID
) -> None:
    await report(database, account, "A1", 8)
    (first,) = await claim(database, latest)
    await report(database, account, "A1", 9)

    freed, _ = await settle(database, refused(first))

    assert freed == {latest}
    assert await ended(database) == [(1, "superseded", "newer_event", 1)]
    assert await waiting(database) == [(2, "latest", False)]


async def test_under_latest_a_failed_attempt_is_retried_if_nothing_newer_waits(
    database: Database, account: UUID, latest: UUID
) -> None:
    await report(database, account, "A1", 8)
    (first,) = await claim(database, latest)

    await settle(database, refused(first))

    assert await waiting(database) == [(1, "latest", False)]


async def test_unordered_events_of_a_parcel_are_never_blocked(database: Database, account: UUID) -> None:
    endpoint = await add_endpoint(database, account, ordering="unordered")

    await report(database, account, "A1", 8, 9)
    await report(database, account, "A1", 10)

    assert sorted(one.sequence for one in await claim(database, endpoint)) == [1, 2, 3]


async def add(shop: Caller, ordering: str) -> str:
    made = await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/hook", "ordering": ordering})
    assert (made.status_code, made.json()["ordering"]) == (201, ordering)
    path: str = "/v1/endpoints/" + made.json()["id"]
    return path


async def change(shop: Caller, path: str, ordering: str) -> None:
    changed = await shop.call("PATCH", path, json={"ordering": ordering})
    assert (changed.status_code, changed.json()["ordering"]) == (200, ordering)


async def test_changing_to_unordered_releases_waiting_events_at_once(api: Api, shop: Caller) -> None:
    path = await add(shop, "ordered")
    await report(api.database, shop.account, "A1", 8, 9, 10)

    await change(shop, path, "unordered")

    assert await waiting(api.database) == [
        (1, "ordered", False),
        (2, "unordered", False),
        (3, "unordered", False),
    ]
    assert api.hinted[-1] == UUID(path[-32:])
    await report(api.database, shop.account, "A1", 11)
    assert (4, "unordered", False) in await waiting(api.database)


async def test_after_a_change_to_ordered_only_new_events_wait_for_each_other(api: Api, shop: Caller) -> None:
    path = await add(shop, "unordered")
    await report(api.database, shop.account, "A1", 8)

    await change(shop, path, "ordered")

    await report(api.database, shop.account, "A1", 9, 10)
    assert await waiting(api.database) == [(1, "unordered", False), (2, "ordered", False), (3, "ordered", True)]


async def test_events_queued_in_order_stay_so_after_a_change_to_latest(api: Api, shop: Caller) -> None:
    path = await add(shop, "ordered")
    await report(api.database, shop.account, "A1", 8, 9)

    await change(shop, path, "latest")

    await report(api.database, shop.account, "A1", 10)
    await report(api.database, shop.account, "A1", 11)
    assert await waiting(api.database) == [(1, "ordered", False), (2, "ordered", True), (4, "latest", True)]


async def test_after_a_superseded_head_the_next_ordered_delivery_becomes_the_head(api: Api, shop: Caller) -> None:
    path = await add(shop, "latest")
    await report(api.database, shop.account, "A1", 8)
    await change(shop, path, "ordered")
    await report(api.database, shop.account, "A1", 9)
    await change(shop, path, "latest")

    await report(api.database, shop.account, "A1", 10)

    assert await waiting(api.database) == [(2, "ordered", False), (3, "latest", True)]


class Stress:
    """Intakes, dispatchers with failures and late settles, and people who cancel, over a few parcels."""

    def __init__(self, database: Database, endpoints: dict[UUID, str], chance: random.Random) -> None:
        self.database = database
        self.endpoints = endpoints
        self.chance = chance
        self.arrived: dict[tuple[UUID, UUID], list[Claimed]] = {}
        self.refused = 0
        self.reported = asyncio.Event()

    async def dispatch(self, number: int) -> None:
        overdue: list[Claimed] = []
        while not (self.reported.is_set() and await self._is_empty()):
            claimed = await claim(self.database, *self.endpoints, free=5, dispatcher=number)
            for one in overdue:
                await self._settle_late(one)
            overdue = []
            if self.chance.random() < 0.1:  # it stops for longer than its leases
                await self.database.engine.execute(
                    "update due set leased_until = now() - interval '1 second' where leased_by = $1", number
                )
                overdue = claimed
                continue
            finished = [self._attempt(one) for one in claimed]
            self.chance.shuffle(finished)
            await self._settle(finished)

    async def _settle_late(self, claimed: Claimed) -> None:
        self._arrived(claimed).append(claimed)
        if await self._settle([delivered(claimed)]):
            self._arrived(claimed).remove(claimed)
            self.refused += 1

    def _attempt(self, claimed: Claimed) -> Finished:
        if self.chance.random() < 0.3:
            return Finished(claimed, None, None)
        self._arrived(claimed).append(claimed)
        return delivered(claimed)

    def _arrived(self, claimed: Claimed) -> list[Claimed]:
        return self.arrived.setdefault((claimed.tracking, claimed.endpoint), [])

    async def _settle(self, finished: list[Finished]) -> int:
        while True:
            try:
                _, late = await settle(self.database, *finished)
            except REPEATABLE:
                continue
            return late

    async def _is_empty(self) -> bool:
        return await self.database.engine.fetchval("select count(*) from due") == 0  # type: ignore[no-any-return]

    async def watch(self) -> None:
        """See in every snapshot that no queue is without a head."""
        while not (self.reported.is_set() and await self._is_empty()):
            async with self.database.engine.acquire() as session:
                assert await stuck(session) == 0


@asynccontextmanager
async def reporting_at_once(database: Database, account: UUID, parcels: list[str], hours: int) -> AsyncIterator[None]:
    async def intake(hour: int) -> None:
        for number in random.Random(hour).sample(parcels, len(parcels)):
            await report(database, account, number, hour)

    async with asyncio.TaskGroup() as tasks:
        for hour in range(hours):
            tasks.create_task(intake(hour))
        yield


async def run_stress(
    database: Database, account: UUID, orderings: Sequence[str], *, parcels: int, events: int, rounds: int
) -> int:
    """Return the number of deliveries after checking each one's state, and the order of those that arrived."""
    endpoints = {await add_endpoint(database, account, ordering=one): one for one in orderings}
    stress = Stress(database, endpoints, random.Random(11))

    async with asyncio.TaskGroup() as tasks:
        for number in (1, 2, 3):
            tasks.create_task(stress.dispatch(number))
        tasks.create_task(stress.watch())
        for turn in range(rounds):
            numbers = [f"P{turn}-{number}" for number in range(parcels)]
            async with reporting_at_once(database, account, numbers, events):
                pass
        stress.reported.set()

    every = list(range(1, events + 1))
    for (_, endpoint), arrived in stress.arrived.items():
        sequences = [one.sequence for one in arrived]
        match endpoints[endpoint]:
            case "ordered":
                assert sequences == every
            case "latest":
                assert sequences == sorted(set(sequences))
                assert sequences[-1] == events
            case _:
                assert sorted(sequences) == every
    assert stress.refused
    counted = await database.serving.fetch("select state, reason, count(*) from settled group by 1, 2")
    assert {(row["state"], row["reason"]) for row in counted} == {
        ("delivered", None),
        ("superseded", Reason.NEWER_EVENT),
    }
    deliveries = sum(int(row["count"]) for row in counted)
    assert deliveries == rounds * parcels * events * len(endpoints)
    return deliveries


async def test_with_concurrent_intake_failures_and_lost_leases_nothing_is_stuck_or_out_of_order(
    database: Database, account: UUID
) -> None:
    async with asyncio.timeout(90):
        await run_stress(database, account, ("ordered", "latest", "unordered"), parcels=8, events=12, rounds=1)


@pytest.mark.faults
async def test_among_tens_of_thousands_of_deliveries_nothing_is_stuck_or_out_of_order(
    database: Database, account: UUID, judged: Judge
) -> None:
    orderings = ("ordered", "latest", "unordered", "ordered")

    deliveries = await run_stress(database, account, orderings, parcels=24, events=24, rounds=20)

    fault, target = "failures and lost leases at the queue", "each settled once, in order, nothing stuck"
    judged(Tally(fault, 20, deliveries, 0, 0, 0, 0, target))
