"""A parcel that another courier turned out to have: its courier code is replaced if the shop asked for that."""

from collections.abc import AsyncIterator

import pytest

from tests.flow.test_connections import FOUND, UNKNOWN, Asked, World
from tests.support.databases import add_account, add_endpoint
from waypost.domain.connections import ASKED_ELSEWHERE_AFTER
from waypost.domain.trackings import Edit, TrackingState
from waypost.domain.trackings import edit as apply_edit
from waypost.intake.collector import Intake
from waypost.intake.requests import Request
from waypost.store.database import Database
from waypost.store.states import unpack

NUMBER = "1Z999AA10123456784"


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    intake = Intake(database, polled=frozenset({"dhl", "ups"}), hint=lambda _endpoints: None)
    intake.start()
    yield World(database, intake, await add_account(database), detected=("ups",))
    await intake.stop()


async def parcels(world: World) -> list[TrackingState]:
    rows = await world.database.serving.fetch("select state from tracking order by courier_code")
    return [unpack(row["state"]) for row in rows]


async def ask_until_another_answers(world: World) -> None:
    await world.connect("dhl", Asked(UNKNOWN, courier_codes=frozenset({"dhl"})))
    await world.connect("ups", Asked(FOUND, courier_codes=frozenset({"ups", "ups-mi"})))
    for _ in range(ASKED_ELSEWHERE_AFTER + 1):
        await world.poll()


async def test_with_auto_correct_the_courier_that_has_the_parcel_takes_over(world: World) -> None:
    await add_endpoint(world.database, world.account)
    await world.intake.submit([Request(world.account, NUMBER, "dhl", create=True, auto_correct=True)])

    await ask_until_another_answers(world)

    (state,) = await parcels(world)
    row = await world.database.serving.fetchrow(
        "select t.courier_code as parcel, w.courier_code as watched, w.connection is not null as asked"
        " from tracking t join watch w on w.tracking = t.id"
    )
    events = await world.database.serving.fetch("select status, courier_code from event order by id")
    assert (state.courier_code, state.corrected_from, state.status) == ("ups", "dhl", "transit")
    assert tuple(row) == ("ups", "ups", True)
    assert [tuple(event) for event in events] == [("notfound", "dhl"), ("transit", "ups")]


async def test_without_auto_correct_the_courier_stays(world: World) -> None:
    await world.register(NUMBER)

    await ask_until_another_answers(world)

    (state,) = await parcels(world)
    assert (state.courier_code, state.corrected_from, state.status) == ("dhl", "", "transit")


async def test_a_number_that_is_tracked_with_both_couriers_keeps_both(world: World) -> None:
    await world.register(NUMBER, courier="ups")
    await world.intake.submit([Request(world.account, NUMBER, "dhl", create=True, auto_correct=True)])

    await ask_until_another_answers(world)

    assert [(state.courier_code, state.status) for state in await parcels(world)] == [
        ("dhl", "transit"),
        ("ups", "transit"),
    ]


async def test_a_courier_that_was_never_asked_is_not_replaced(world: World) -> None:
    await world.connect("ups", Asked(FOUND, courier_codes=frozenset({"ups"})))
    await world.intake.submit([Request(world.account, NUMBER, "dhl", create=True, auto_correct=True)])

    await world.poll()

    (state,) = await parcels(world)
    assert (state.courier_code, state.status) == ("dhl", "transit")


async def test_a_shop_that_chooses_the_courier_itself_ends_the_note_of_the_correction(world: World) -> None:
    await world.intake.submit([Request(world.account, NUMBER, "dhl", create=True, auto_correct=True)])
    await ask_until_another_answers(world)
    (state,) = await parcels(world)

    assert apply_edit(state, Edit(courier_code="ups"), 1) is state
    assert apply_edit(state, Edit(courier_code="fedex"), 1).corrected_from == ""
