"""The stand-ins for carriers, polled by our own clients: every parcel ends as planned, with one event per step."""

import json
import signal
import sys
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from examples.carriers.fleet import Fleet, plan_stages, stages
from examples.carriers.formats import NAMES, load
from examples.carriers.formats.dhl_routes import ROUTES
from examples.carriers.journeys import Route
from examples.carriers.server import serve
from examples.carriers.stand_in import Mood
from tests.support.stand_ins import SECONDS, TODAY, Clock, asking, client, stand_in
from waypost.domain.carriers import (
    BatchSource,
    CarrierError,
    CarrierLimited,
    CarrierRefused,
    CarrierSource,
    CarrierUnavailable,
    CarrierUnreadable,
    Parcel,
)
from waypost.domain.readings import is_unread
from waypost.domain.tracking_numbers import normalise_number
from waypost.domain.trackings import TrackingState, Update, apply, register
from waypost.sources.carriers import carriers
from waypost.sources.couriers.detection import Certainty, detect
from waypost.sources.http import CarrierHttp
from waypost.sources.polled import courier_codes

ROOT = Path(__file__).parents[2]
WITH_TOKENS = [name for name in NAMES if load(name).token_path is not None]


@dataclass
class Shop:
    """A client that registers a carrier's parcels and polls each repeatedly."""

    carrier: CarrierSource
    routes: tuple[Route, ...]
    states: dict[str, TrackingState] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[CarrierError] = field(default_factory=list)

    async def ask_for_all(self) -> None:
        for route in self.routes:
            await self.ask(route)

    async def ask(self, route: Route) -> None:
        number = route.tracking_number
        state = self.states.setdefault(number, register("0" * 32, number, route.courier_code, {}, 1))
        try:
            update = await self.carrier.poll(number, {})
        except CarrierError as trouble:
            self.troubles.append(trouble)
            return
        assert update.skipped == ()
        applied = apply(state, update, 2)
        self.states[number] = applied.state
        if applied.eventful:
            self.events.append((number, applied.state.substatus))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


def test_there_is_a_stand_in_for_every_carrier() -> None:
    assert set(NAMES) == {carrier.name for carrier in carriers()}


@pytest.mark.parametrize("name", NAMES)
async def test_each_step_is_one_event_and_each_parcel_ends_as_planned(
    name: str, clock: Clock, http: CarrierHttp
) -> None:
    there = stand_in(name, clock)
    async with asking(there, http) as carrier:
        shop = Shop(carrier, tuple(there.form.routes))
        for _ in range(int(SECONDS) // 3 + 1):
            await shop.ask_for_all()
            clock.seconds += 3

    ends = {number: state.substatus for number, state in shop.states.items()}
    assert ends == {route.tracking_number: route.ends_as for route in shop.routes}
    assert len(shop.events) == there.plan()["expected_events"]
    assert not any(is_unread(scan) for state in shop.states.values() for scan in state.checkpoints)
    assert shop.troubles == []


@pytest.mark.parametrize("name", NAMES)
async def test_an_unregistered_number_stays_unknown(name: str, clock: Clock, http: CarrierHttp) -> None:
    async with asking(stand_in(name, clock), http) as carrier:
        await carrier.probe()
        update = await carrier.poll("12553905551", {})

    assert update.unknown_number


@pytest.mark.parametrize("name", NAMES)
async def test_a_wrong_credential_is_rejected_and_not_used_again(name: str, clock: Clock, http: CarrierHttp) -> None:
    there = stand_in(name, clock)
    async with asking(there, http, credential="wrong") as carrier:
        with pytest.raises(CarrierRefused):
            await carrier.probe()

    assert there.journal.questions == 0
    assert there.journal.tokens + there.journal.refused == 1


@pytest.mark.parametrize("name", NAMES)
async def test_more_calls_than_granted_are_limited_with_a_wait(name: str, clock: Clock, http: CarrierHttp) -> None:
    there = stand_in(name, clock, calls_a_second=1)
    number = there.form.routes[0].tracking_number
    async with asking(there, http) as carrier:
        await carrier.poll(number, {})
        with pytest.raises(CarrierLimited) as limited:
            await carrier.poll(number, {})

    assert limited.value.retry_after_seconds == 1
    assert there.journal.limited == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("mood", "error"),
    [
        (Mood.HTML, CarrierUnreadable),
        (Mood.CHANGED, CarrierUnreadable),
        (Mood.CUT, CarrierUnreadable),
        (Mood.HUGE, CarrierUnavailable),
        (Mood.REDIRECT, CarrierUnavailable),
        (Mood.UNAVAILABLE, CarrierUnavailable),
        (Mood.REFUSED, CarrierRefused),
        (Mood.LIMITED, CarrierLimited),
    ],
)
async def test_a_damaged_answer_changes_no_parcel_and_is_reported(
    name: str, mood: Mood, error: type[CarrierError], clock: Clock, http: CarrierHttp
) -> None:
    there = stand_in(name, clock)
    there.mood = mood
    async with asking(there, http) as carrier:
        with pytest.raises(error) as caught:
            await carrier.poll(there.form.routes[0].tracking_number, {})

    shown = getattr(caught.value, "sample", None)
    assert (shown is not None) == (mood in (Mood.HTML, Mood.CHANGED, Mood.CUT))


@pytest.mark.parametrize("name", WITH_TOKENS)
async def test_a_token_that_has_expired_is_renewed_once(name: str, clock: Clock, http: CarrierHttp) -> None:
    there = stand_in(name, clock)
    number = there.form.routes[0].tracking_number
    async with asking(there, http) as carrier:
        await carrier.poll(number, {})
        there.form.forget_tokens()
        await carrier.poll(number, {})

    assert (there.journal.tokens, there.journal.refused, there.journal.questions) == (2, 1, 2)


@pytest.mark.parametrize("name", NAMES)
async def test_in_a_batch_every_parcel_gets_its_own_part(name: str, clock: Clock, http: CarrierHttp) -> None:
    there = stand_in(name, clock)
    numbers = [route.tracking_number for route in there.form.routes] + ["12553905551"]
    async with asking(there, http) as carrier:
        if not isinstance(carrier, BatchSource):
            pytest.skip("one number at a time")
        found = await carrier.poll_many([Parcel(number, {}) for number in numbers])

    assert [isinstance(one, Update) and one.unknown_number for one in found] == [False] * (len(numbers) - 1) + [True]
    assert there.journal.questions == 1


async def test_infrequent_polls_skip_no_step(clock: Clock, http: CarrierHttp) -> None:
    async with asking(stand_in("dhl", clock), http) as carrier:
        shop = Shop(carrier, ROUTES)
        for _ in range(8):
            await shop.ask_for_all()
            clock.seconds += 10 * SECONDS

    assert len(shop.events) == 83


async def test_a_step_does_not_appear_before_its_time(clock: Clock, http: CarrierHttp) -> None:
    async with asking(stand_in("dhl", clock), http) as carrier:
        shop = Shop(carrier, ROUTES)
        for _ in range(3):
            await shop.ask_for_all()

    assert len(shop.events) == len(ROUTES)


def test_a_step_waits_until_the_previous_one_was_returned(clock: Clock) -> None:
    fleet, number = Fleet(ROUTES, SECONDS, TODAY, clock), ROUTES[0].tracking_number
    lost, _ = fleet.look(number)
    clock.seconds += SECONDS

    again, stage = fleet.look(number)
    assert stage is not None
    fleet.served(number, stage)
    following, _ = fleet.look(number)

    assert again == lost
    assert again is not None
    assert following is not None
    assert len(following.steps) == len(again.steps) + 1


async def test_the_clock_starts_with_the_first_request(clock: Clock, http: CarrierHttp) -> None:
    async with asking(stand_in("dhl", clock), http) as carrier:
        clock.seconds += 10 * SECONDS
        shop = Shop(carrier, ROUTES)
        await shop.ask_for_all()
        await shop.ask_for_all()

    assert len(shop.events) == len(ROUTES)


def test_any_number_is_a_parcel_if_configured(clock: Clock) -> None:
    fleet = Fleet(ROUTES, SECONDS, TODAY, clock, any_number=True)

    sight, _ = fleet.look("12553905551")

    assert sight is not None
    assert sight.number == "12553905551"
    assert len(fleet.plan()) == len(ROUTES)


async def test_hiccups_are_distinguishable_and_lose_nothing(clock: Clock, http: CarrierHttp) -> None:
    there = stand_in("dhl", clock, hiccups=True)
    async with asking(there, http) as carrier:
        shop = Shop(carrier, ROUTES)
        for _ in range(2 * int(SECONDS)):
            for route in ROUTES:
                await shop.ask(route)
                if shop.troubles and isinstance(shop.troubles[-1], CarrierLimited):
                    clock.seconds += shop.troubles[-1].retry_after_seconds or 0
                    shop.troubles.append(CarrierError("waited"))
            clock.seconds += 1

    assert sum(isinstance(trouble, CarrierUnavailable) for trouble in shop.troubles) == 1
    assert there.journal.unavailable == 1
    assert there.journal.limited > 10
    assert there.journal.while_limited == 0
    assert len(shop.events) == 83


async def test_clients_that_ignore_retry_after_are_counted(clock: Clock, http: CarrierHttp) -> None:
    there = stand_in("dhl", clock, hiccups=True)
    async with asking(there, http) as carrier:
        shop = Shop(carrier, ROUTES)
        for _ in range(3):
            await shop.ask_for_all()

    assert there.journal.while_limited == 20


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_lists_the_parcels_to_register(name: str, clock: Clock) -> None:
    plan = stand_in(name, clock).plan()

    assert len({parcel["tracking_number"] for parcel in plan["parcels"]}) == len(plan["parcels"])
    assert {parcel["courier_code"] for parcel in plan["parcels"]} <= courier_codes(with_bridge=False)[name]
    assert sum(parcel["steps"] for parcel in plan["parcels"]) == plan["expected_events"]
    assert plan["ends_after_seconds"] == SECONDS


EVERY_ROUTE = [(name, route) for name in NAMES for route in load(name).routes]


@pytest.mark.parametrize(("name", "route"), EVERY_ROUTE, ids=lambda one: getattr(one, "tracking_number", one))
def test_a_route_is_in_order_and_its_number_is_one_of_the_carriers(name: str, route: Route) -> None:
    moments = [step.moment(TODAY) for step in route.steps]
    guesses = {guess.courier: guess.certainty for guess in detect(route.tracking_number)}

    assert moments == sorted(moments)
    assert stages(route) >= 2
    assert route.steps[0].day == 0
    assert normalise_number(route.tracking_number) == route.tracking_number
    # PostNord's numbers are those of its Swedish post.
    assert {*courier_codes(with_bridge=False)[name], *({"sweden-posten"} if name == "postnord" else ())} & set(guesses)
    assert min(guesses.values()) > Certainty.UNLIKELY


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("lean", [0.0, 0.5, 0.95])
def test_planned_times_increase_and_leave_time_for_the_last_request(count: int, lean: float) -> None:
    planned = plan_stages(count, SECONDS, lean)

    assert len(planned) == count
    assert planned[0] == 0
    assert list(planned) == sorted(set(planned))
    assert planned[-1] <= 0.8 * SECONDS


async def test_the_mood_can_be_changed_while_it_runs(clock: Clock, http: CarrierHttp) -> None:
    there = stand_in("ups", clock)
    async with serve({"ups": there}, 0) as url:
        await client("ups", http, url).poll("1Z245X570311777741", {})
        set_mood = await create_subprocess_exec("curl", "-sX", "PUT", f"{url}/_mood/ups/html", stdout=subprocess.PIPE)
        said, _ = await set_mood.communicate()

    assert json.loads(said) == {"ups": "html"}
    assert there.mood is Mood.HTML


async def test_the_program_prints_the_operators_settings_and_exits_on_sigterm(http: CarrierHttp) -> None:
    command = (sys.executable, "-m", "examples.carriers", "--port", "0", "--seconds", "20", "--only", "ups")
    program = await create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert program.stdout is not None

    try:
        printed = json.loads(await program.stdout.readline())
        plan = json.loads((await http.get(f"{printed['url']}/_plan", {}, {})).body)
    finally:
        program.send_signal(signal.SIGTERM)

    assert printed["settings"] == {"WAYPOST_CARRIER_UPS_BASE_URL": f"{printed['url']}/ups"}
    assert plan["ends_after_seconds"] == 20
    assert {parcel["carrier"] for parcel in plan["parcels"]} == {"ups"}
    assert await program.wait() == 0


async def test_the_program_rejects_an_invalid_time() -> None:
    command = (sys.executable, "-m", "examples.carriers", "--seconds", "0")
    program = await create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE)

    _, said = await program.communicate()

    assert program.returncode == 2
    assert b"--seconds" in said
