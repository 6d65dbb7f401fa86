"""The stand-in for DHL, asked by Waypost's own client: every parcel ends as planned, one event for each step."""

import json
import signal
import sys
from asyncio import create_subprocess_exec, subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from examples.carrier.carrier import Carrier, plan_stages, stages
from examples.carrier.routes import ROUTES, Route
from examples.carrier.server import serve
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused, CarrierSource, CarrierUnavailable
from waypost.domain.tracking_numbers import normalise_number
from waypost.domain.trackings import TrackingState, apply, register
from waypost.sources.carriers.dhl import CARRIER
from waypost.sources.http import CarrierHttp

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 3, 20)
SECONDS = 60.0


@dataclass
class Clock:
    """Time that passes only when told to."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Shop:
    """One who registers the parcels and asks for each, again and again."""

    dhl: CarrierSource
    states: dict[str, TrackingState] = field(default_factory=dict)
    events: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[CarrierError] = field(default_factory=list)

    async def ask_for_all(self) -> None:
        for route in ROUTES:
            await self.ask(route)

    async def ask(self, route: Route) -> None:
        number = route.tracking_number
        state = self.states.setdefault(number, register("0" * 32, number, route.courier_code, {}, 1))
        try:
            applied = apply(state, await self.dhl.ask(number, {}), 2)
        except CarrierError as trouble:
            self.troubles.append(trouble)
            return
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


def carrier(clock: Clock, *, hiccups: bool = False) -> Carrier:
    return Carrier(ROUTES, SECONDS, TODAY, clock, hiccups=hiccups)


async def test_each_step_is_one_event_and_each_parcel_ends_as_planned(clock: Clock, http: CarrierHttp) -> None:
    stand_in = carrier(clock)
    async with serve(stand_in, 0) as url:
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        for _ in range(int(SECONDS) + 1):
            await shop.ask_for_all()
            clock.seconds += 1

    ends = {number: state.substatus for number, state in shop.states.items()}
    assert ends == {route.tracking_number: route.ends_as for route in ROUTES}
    assert len(shop.events) == stand_in.plan()["expected_events"] == 83
    assert shop.troubles == []


async def test_no_step_is_skipped_by_one_who_asks_seldom(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        for _ in range(8):
            await shop.ask_for_all()
            clock.seconds += 10 * SECONDS

    assert len(shop.events) == 83


async def test_a_step_waits_for_its_time(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        for _ in range(3):
            await shop.ask_for_all()

    assert len(shop.events) == len(ROUTES)


def test_a_step_waits_until_the_one_before_has_left_as_an_answer(clock: Clock) -> None:
    stand_in, number = carrier(clock), ROUTES[0].tracking_number
    lost = stand_in.ask(number, has_key=True)
    clock.seconds += SECONDS

    again = stand_in.ask(number, has_key=True)
    stand_in.served(number, again)
    following = stand_in.ask(number, has_key=True)

    assert again.body == lost.body
    assert len(following.body["shipments"][0]["events"]) == len(again.body["shipments"][0]["events"]) + 1


async def test_the_clock_starts_with_the_first_question(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        clock.seconds += 10 * SECONDS
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        await shop.ask_for_all()
        await shop.ask_for_all()

    assert len(shop.events) == len(ROUTES)


async def test_hiccups_are_told_apart_and_lose_nothing(clock: Clock, http: CarrierHttp) -> None:
    stand_in = carrier(clock, hiccups=True)
    async with serve(stand_in, 0) as url:
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        for _ in range(2 * int(SECONDS)):
            for route in ROUTES:
                await shop.ask(route)
                if shop.troubles and isinstance(shop.troubles[-1], CarrierLimited):
                    clock.seconds += shop.troubles[-1].retry_after_seconds or 0
                    shop.troubles.append(CarrierError("waited"))
            clock.seconds += 1

    assert sum(isinstance(trouble, CarrierUnavailable) for trouble in shop.troubles) == 1
    assert stand_in.journal.unavailable == 1
    assert stand_in.journal.limited > 10
    assert stand_in.journal.while_limited == 0
    assert len(shop.events) == 83


async def test_one_who_does_not_wait_is_counted(clock: Clock, http: CarrierHttp) -> None:
    stand_in = carrier(clock, hiccups=True)
    async with serve(stand_in, 0) as url:
        shop = Shop(CARRIER.open(http, {"api_key": "any"}, base_url=url))
        for _ in range(3):
            await shop.ask_for_all()

    assert stand_in.journal.while_limited == 20


async def test_a_number_of_nobody_stays_unknown(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        update = await CARRIER.open(http, {"api_key": "any"}, base_url=url).ask("8264715546", {})

    assert update.unknown_number


async def test_without_a_key_it_refuses(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        with pytest.raises(CarrierRefused, match="401"):
            await http.get(f"{url}/track/shipments", {"trackingNumber": "1255390555"}, {})


async def test_the_plan_names_what_is_registered(clock: Clock, http: CarrierHttp) -> None:
    async with serve(carrier(clock), 0) as url:
        plan = json.loads((await http.get(f"{url}/_plan", {}, {})).body)

    assert len({parcel["tracking_number"] for parcel in plan["parcels"]}) == 20
    assert {parcel["courier_code"] for parcel in plan["parcels"]} <= CARRIER.courier_codes
    assert sum(parcel["steps"] for parcel in plan["parcels"]) == plan["expected_events"]
    assert plan["ends_after_seconds"] == SECONDS


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.tracking_number)
def test_scans_are_in_the_order_of_the_way(route: Route) -> None:
    reply = Carrier([route], SECONDS, TODAY, Clock()).plan()

    assert reply["parcels"][0]["steps"] == stages(route) >= 2
    assert route.steps[0].day == 0
    assert normalise_number(route.tracking_number) == route.tracking_number


def express_check(number: str) -> bool:
    return int(number[:9]) % 7 == int(number[9])


def paket_check(number: str) -> bool:
    digits = [int(digit) for digit in number[2:]]
    return sum(digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits)) % 10 == 0


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.tracking_number)
def test_numbers_look_like_dhls_and_have_right_check_digits(route: Route) -> None:
    checks: dict[str, Any] = {"dhl": express_check, "dhl-germany": paket_check}

    assert checks.get(route.courier_code, str.isalnum)(route.tracking_number)


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("lean", [0.0, 0.5, 0.95])
def test_planned_moments_rise_and_leave_time_for_the_last_question(count: int, lean: float) -> None:
    planned = plan_stages(count, SECONDS, lean)

    assert len(planned) == count
    assert planned[0] == 0
    assert list(planned) == sorted(set(planned))
    assert planned[-1] <= 0.8 * SECONDS


async def test_the_program_says_where_it_listens_and_ends_on_sigterm(http: CarrierHttp) -> None:
    command = (sys.executable, "-m", "examples.carrier", "--port", "0", "--seconds", "20")
    program = await create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert program.stdout is not None

    try:
        url = json.loads(await program.stdout.readline())["url"]
        plan = json.loads((await http.get(f"{url}/_plan", {}, {})).body)
    finally:
        program.send_signal(signal.SIGTERM)

    assert plan["ends_after_seconds"] == 20
    assert await program.wait() == 0


async def test_the_program_refuses_a_time_that_is_none() -> None:
    command = (sys.executable, "-m", "examples.carrier", "--seconds", "0")
    program = await create_subprocess_exec(*command, cwd=ROOT, stderr=subprocess.PIPE)

    _, said = await program.communicate()

    assert program.returncode == 2
    assert b"--seconds" in said
