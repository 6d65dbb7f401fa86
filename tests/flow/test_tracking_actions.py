"""Actions on trackings: update, archive, delete, retrack, refresh."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest

from tests.support.api import Api, serving_api
from tests.support.databases import add_account, add_endpoint
from tests.support.queues import stuck
from waypost.actions import trackings as changes
from waypost.actions.actor import Actor, operator
from waypost.actions.parcel_fields import NewTracking
from waypost.actions.refusals import Conflict, NotFound
from waypost.api.parts import Parts
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.ids import FIRST, LAST
from waypost.domain.statuses import Status
from waypost.domain.trackings import Edit, Source, TrackingState, Update
from waypost.intake.requests import Request, Result
from waypost.store import deliveries, trackings
from waypost.store.database import Database
from waypost.store.deliveries import Wanted
from waypost.store.trackings import Filter


@dataclass
class Shelf:
    """An account's parcels."""

    api: Api
    account: UUID

    @property
    def actor(self) -> Actor:
        return operator(self.account)

    @property
    def parts(self) -> Parts:
        return self.api.parts

    async def make(self, number: str = "A1", courier: str = "dhl", **given: str) -> UUID:
        (state,) = await changes.create(self.parts, self.actor, [NewTracking(number, courier, given)])
        assert state is not None
        return UUID(hex=state.id)

    async def report(self, *hours: int, number: str = "A1", courier: str = "dhl", expires: bool = False) -> Result:
        scans = tuple(
            Checkpoint(f"2026-03-02T{hour:02}:00:00", "Scanned", checkpoint_delivery_status=Status.TRANSIT)
            for hour in hours
        )
        update = Update(Source.EXPIRY if expires else Source.API, scans, expires=expires)
        (result,) = await self.parts.intake.submit([Request(self.account, number, courier, update)])
        return result

    async def state(self, tracking: UUID) -> TrackingState:
        return (await changes.find(self.parts, self.actor, tracking)).state

    async def listed(self, wanted: Filter) -> list[str]:
        async with self.parts.database.serving.acquire() as session:
            rows = await trackings.page(session, self.account, wanted, limit=10)
        return [row.state.tracking_number for row in rows]

    async def value(self, statement: str, *arguments: object) -> object:
        return await self.parts.database.serving.fetchval(statement, *arguments)

    async def column(self, statement: str) -> Sequence[object]:
        return [row[0] for row in await self.parts.database.serving.fetch(statement)]


@pytest.fixture
async def shelf(database: Database) -> AsyncIterator[Shelf]:
    async with serving_api(database, connected=("dhl", "ups")) as api:
        yield Shelf(api, await add_account(database))


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Fail unless what is inside is refused for this reason."""
    with pytest.raises(Conflict) as caught:
        yield
    assert caught.value.code == code


async def test_many_trackings_are_created_at_once_and_existing_ones_stay_unchanged(shelf: Shelf) -> None:
    await shelf.make("A1", title="First")

    made = await changes.create(
        shelf.parts, shelf.actor, [NewTracking(number, "dhl", {"title": "Second"}) for number in ("A1", "A2", "A2")]
    )

    assert [state is not None for state in made] == [False, True, False]
    assert [shown.facts["title"].text for shown in (await shelf.state(await shelf.make("A3", title="x")),)] == ["x"]
    assert (await shelf.listed(Filter(numbers=("A1", "A2")))) == ["A2", "A1"]


async def test_facts_are_corrected_without_an_event(shelf: Shelf) -> None:
    tracking = await shelf.make(title="Mug", note="blue")

    await changes.edit(shelf.parts, shelf.actor, tracking, Edit({"title": "Cup", "order_number": "ORD-1"}))

    state = await shelf.state(tracking)
    assert {name: fact.text for name, fact in state.facts.items()} == {
        "title": "Cup",
        "note": "blue",
        "order_number": "ORD-1",
    }
    assert await shelf.value("select count(*) from event") == 0
    assert await shelf.listed(Filter(search="ORD")) == ["A1"]


async def test_a_new_courier_keeps_the_scans_and_is_polled_at_once(shelf: Shelf) -> None:
    tracking = await shelf.make()
    await shelf.report(8)
    await shelf.value("update watch set next_poll_at = now() + interval '1 day', leased_until = now() + interval '1 h'")

    await changes.edit(shelf.parts, shelf.actor, tracking, Edit(courier_code="ups"))

    state = await shelf.state(tracking)
    assert (state.courier_code, len(state.checkpoints), state.status) == ("ups", 1, Status.TRANSIT)
    watch = await shelf.value("select courier_code || (next_poll_at <= now()) || (leased_until is null) from watch")
    assert watch == "upstruetrue"
    assert (await shelf.report(9)).tracking is None
    assert (await shelf.report(9, courier="ups")).tracking == tracking


async def test_a_courier_that_already_has_this_number_is_rejected(shelf: Shelf) -> None:
    tracking = await shelf.make(courier="dhl")
    await shelf.make(courier="ups")

    with refused("already_exists"):
        await changes.edit(shelf.parts, shelf.actor, tracking, Edit({"title": "Cup"}, courier_code="ups"))

    state = await shelf.state(tracking)
    assert (state.courier_code, state.facts) == ("dhl", {})


async def test_archived_parcels_are_not_polled_until_unarchived(shelf: Shelf) -> None:
    tracking = await shelf.make()

    await changes.edit(shelf.parts, shelf.actor, tracking, Edit(archived=True))

    assert await shelf.value("select next_poll_at from watch") is None
    assert await shelf.listed(Filter(archived=False)) == []
    assert await shelf.listed(Filter(archived=True)) == ["A1"]
    assert (await shelf.report(8)).event is not None
    await changes.edit(shelf.parts, shelf.actor, tracking, Edit(archived=False))
    assert await shelf.value("select next_poll_at <= now() from watch")


async def test_deleting_cancels_waiting_deliveries_and_keeps_the_history(shelf: Shelf, database: Database) -> None:
    await add_endpoint(database, shelf.account)
    tracking = await shelf.make()
    await shelf.report(8)
    await shelf.report(9)
    await shelf.value("update due set leased_by = 1, leased_until = now() + interval '1 minute' where not blocked")

    await changes.delete(shelf.parts, shelf.actor, tracking)

    with pytest.raises(NotFound):
        await shelf.state(tracking)
    assert await shelf.column("select cancelling from due") == ["tracking_deleted"]
    assert await shelf.column("select state || ' ' || reason from settled") == ["cancelled tracking_deleted"]
    assert await shelf.value("select count(*) from event") == 2
    assert await shelf.value("select count(*) from watch") == 0
    async with database.serving.acquire() as session:
        wanted = Wanted(FIRST, LAST, tracking_number="A1")
        assert len(await deliveries.newest(session, shelf.account, wanted, 10)) == 2
        assert await stuck(session) == 0


async def test_a_deleted_number_can_be_registered_as_a_new_parcel(shelf: Shelf, database: Database) -> None:
    await add_endpoint(database, shelf.account)
    old = await shelf.make()
    await shelf.report(8)
    await changes.delete(shelf.parts, shelf.actor, old)

    new = await shelf.make()
    result = await shelf.report(9)

    assert new != old
    assert result.tracking == new
    assert (await changes.find(shelf.parts, shelf.actor, new)).sequence == 1
    assert await shelf.column("select blocked from due") == [False]


async def test_deleting_while_updates_arrive_leaves_no_queue_behind(shelf: Shelf, database: Database) -> None:
    await add_endpoint(database, shelf.account)
    gone = [await shelf.make(f"A{number}") for number in range(10)]

    async def report(number: int) -> None:
        for hour in range(6):
            await shelf.report(hour, number=f"A{number}")

    await asyncio.gather(
        *(report(number) for number in range(10)),
        *(changes.delete(shelf.parts, shelf.actor, tracking) for tracking in gone),
    )

    assert await shelf.value("select count(*) from due") == 0
    assert await shelf.value("select count(*) from tracking") == 0


async def test_an_action_by_id_never_affects_a_later_parcel_of_its_number(shelf: Shelf) -> None:
    old = await shelf.make()
    await changes.delete(shelf.parts, shelf.actor, old)
    await shelf.make()

    update = Update(Source.API, expires=True)
    (result,) = await shelf.parts.intake.submit([Request(shelf.account, "A1", "dhl", update, tracking=old)])

    assert result == Result()
    assert await shelf.column("select status from tracking") == ["pending"]


async def test_retracking_an_expired_parcel_creates_an_event_and_polls_it(shelf: Shelf, database: Database) -> None:
    await add_endpoint(database, shelf.account)
    tracking = await shelf.make()
    await shelf.report(8)
    await shelf.report(expires=True)
    await shelf.value("update watch set next_poll_at = null")
    before = await shelf.state(tracking)

    state = await changes.retrack(shelf.parts, shelf.actor, tracking)

    assert (before.status, state.status, state.substatus) == (Status.EXPIRED, Status.TRANSIT, "transit001")
    assert state.restarted_at > before.restarted_at
    assert await shelf.column("select previous_status from event order by id") == ["pending", "transit", "expired"]
    assert await shelf.value("select next_poll_at <= now() from watch")


async def test_only_expired_parcels_are_retracked(shelf: Shelf) -> None:
    tracking = await shelf.make()

    with refused("not_expired"):
        await changes.retrack(shelf.parts, shelf.actor, tracking)

    assert await shelf.value("select count(*) from event") == 0


async def test_of_two_concurrent_retracks_one_succeeds(shelf: Shelf) -> None:
    tracking = await shelf.make()
    await shelf.report(expires=True)

    tries = [changes.retrack(shelf.parts, shelf.actor, tracking) for _ in range(5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)

    assert sorted(isinstance(outcome, Conflict) and outcome.code == "not_expired" for outcome in outcomes) == [
        False,
        *[True] * 4,
    ]


@pytest.mark.parametrize(
    ("courier", "asked_ago", "least", "most"), [("dhl", None, -5, 0), ("dhl", 30, 8600, 8610), ("ups", 30, 1760, 1770)]
)
async def test_a_refresh_polls_at_once_but_no_carrier_too_often(
    shelf: Shelf, courier: str, asked_ago: int | None, least: float, most: float
) -> None:
    tracking = await shelf.make(courier=courier)
    await shelf.value(
        "update watch set next_poll_at = null, last_polled_at = now() - $1::integer * interval '1 second'", asked_ago
    )

    await changes.refresh(shelf.parts, shelf.actor, tracking)

    wait = await shelf.value("select extract(epoch from next_poll_at - now())::float8 from watch")
    assert isinstance(wait, float)
    assert least <= wait <= most


async def test_a_refresh_does_not_postpone_an_earlier_poll(shelf: Shelf) -> None:
    tracking = await shelf.make(courier="ups")
    await shelf.value("update watch set next_poll_at = now() + interval '10 s', last_polled_at = now()")

    await changes.refresh(shelf.parts, shelf.actor, tracking)

    assert await shelf.value("select next_poll_at <= now() + interval '10 s' from watch")


async def test_parcels_without_a_source_or_archived_are_not_refreshed(shelf: Shelf) -> None:
    alone, put_away = await shelf.make(courier="usps"), await shelf.make()
    await changes.edit(shelf.parts, shelf.actor, put_away, Edit(archived=True))

    for tracking, code in ((alone, "no_source"), (put_away, "archived")):
        with refused(code):
            await changes.refresh(shelf.parts, shelf.actor, tracking)


async def test_parcels_of_other_accounts_do_not_exist(shelf: Shelf, database: Database) -> None:
    tracking = await shelf.make()
    other = operator(await add_account(database))

    for doing in (
        changes.find(shelf.parts, other, tracking),
        changes.edit(shelf.parts, other, tracking, Edit({"title": "x"})),
        changes.delete(shelf.parts, other, tracking),
        changes.retrack(shelf.parts, other, tracking),
        changes.refresh(shelf.parts, other, tracking),
    ):
        with pytest.raises(NotFound):
            await doing

    assert (await shelf.state(tracking)).facts == {}
