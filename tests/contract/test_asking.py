"""Aggregators are asked for the parcels that are registered there, and their answers are read as their pushes are."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from examples.carriers.formats import SERVICES
from examples.carriers.formats.service import NUMBERS, Service
from examples.carriers.server import serve
from examples.carriers.stand_in import Mood
from tests.support.carrier_calls import JSON, own_headers
from tests.support.receiver import always, answering, receiving
from tests.support.stand_ins import SECONDS, Clock, stand_in
from waypost.domain.carriers import (
    CarrierError,
    CarrierLimited,
    CarrierRefused,
    CarrierUnavailable,
    CarrierUnreadable,
    Parcel,
    ParcelNotThere,
)
from waypost.domain.inbound import ParcelToRegister, Push
from waypost.domain.readings import is_unread
from waypost.domain.trackings import Source, Update, apply, register
from waypost.sources import senders
from waypost.sources.http import CarrierHttp
from waypost.sources.pushes.asking import ASKED, AskedService
from waypost.sources.pushes.registering import REGISTRARS

FOLDER = Path(__file__).with_name("pushes")
KEY = "a-key"
SAMPLES = {
    "17track": ("17track.json", lambda body: body["data"]),
    "easypost": ("easypost.json", lambda body: body["result"]),
    "trackingmore": ("trackingmore-v4.json", lambda body: body["data"]),
    "aftership": ("aftership.json", lambda body: body["msg"]),
    "ship24": ("ship24.json", lambda body: body["trackings"][0]),
}
"""A push of each service, and where the parcel is in its body."""


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


def asked(name: str, http: CarrierHttp, url: str, key: str = KEY) -> AskedService:
    return AskedService(name, ASKED[name], http, key, base_url=url)


def framed(name: str, *parcels: object) -> dict[str, Any]:
    """Return an answer to a call for parcels."""
    frames: dict[str, Any] = {
        "17track": {"code": 0, "data": {"accepted": parcels, "rejected": []}},
        "easypost": {"trackers": parcels, "has_more": False},
        "trackingmore": {"meta": {"code": 200, "message": ""}, "data": parcels},
        "aftership": {"meta": {"code": 200}, "data": {"trackings": parcels}},
        "ship24": {"data": {"trackings": parcels}},
    }
    return dict(frames[name])


def said(document: object, status: int = 200) -> bytes:
    return answering(status, JSON, body=json.dumps(document).encode())


def pushed(name: str) -> tuple[Parcel, Update, Any]:
    """Return a parcel, what a push says of it, and the parcel inside the push."""
    file, inside = SAMPLES[name]
    body = (FOLDER / file).read_bytes()
    sender = senders.find(name)
    assert sender is not None
    (told,) = sender.read(Push(body, {}), 1_900_000_000_000).told
    assert told.update is not None
    return Parcel(told.tracking_number, {}, told.courier_code or ""), told.update, inside(json.loads(body))


def test_every_service_that_may_be_polled_can_be_asked() -> None:
    assert {one.name for one in senders.senders() if one.polled is not None} == set(ASKED) >= set(SERVICES)


@pytest.mark.parametrize("name", ASKED)
async def test_an_answer_is_read_as_the_push_with_the_same_parcel(name: str, http: CarrierHttp) -> None:
    parcel, update, inside = pushed(name)
    async with receiving(always(said(framed(name, inside)))) as service:
        (found,) = await asked(name, http, f"http://127.0.0.1:{service.port}").poll_many([parcel])

    assert isinstance(found, Update)
    assert found.source is Source.POLL
    assert (found.checkpoints, found.facts, found.skipped) == (update.checkpoints, update.facts, update.skipped)
    assert len(found.checkpoints) > 0


@pytest.mark.parametrize(
    ("name", "request_line", "header", "body"),
    [
        ("17track", ("POST", "/track/v2.4/gettrackinfo"), ("17token", KEY), [{"number": "A1", "carrier": 21051}]),
        ("aftership", ("GET", "/tracking/2025-07/trackings?tracking_numbers=A1&limit=200"), ("as-api-key", KEY), None),
        ("ship24", ("GET", "/public/v1/trackers/search/A1/results"), ("authorization", "Bearer a-key"), None),
        ("easypost", ("GET", "/v2/trackers?tracking_code=A1&page_size=10"), ("authorization", "Basic YS1rZXk6"), None),
        (
            "trackingmore",
            ("GET", "/v4/trackings/get?tracking_numbers=A1&items_amount=200"),
            ("tracking-api-key", KEY),
            None,
        ),
    ],
)
async def test_each_service_is_asked_with_its_own_request(
    name: str, request_line: tuple[str, str], header: tuple[str, str], body: object, http: CarrierHttp
) -> None:
    async with receiving(always(said(framed(name)))) as service:
        await asked(name, http, f"http://127.0.0.1:{service.port}").poll_many([Parcel("A1", {}, "usps")])

    (request,) = service.requests
    assert (request.method, request.path) == request_line
    assert own_headers(service, 0)[header[0]] == header[1]
    assert (json.loads(request.body) if request.body else None) == body


@pytest.mark.parametrize("name", ASKED)
async def test_a_parcel_that_is_not_registered_there_is_not_an_unknown_number(name: str, http: CarrierHttp) -> None:
    async with receiving(always(said(framed(name)))) as service:
        (found,) = await asked(name, http, f"http://127.0.0.1:{service.port}").poll_many([Parcel("A1", {}, "usps")])

    assert isinstance(found, ParcelNotThere)


async def test_a_number_that_ship24_does_not_know_is_not_there(http: CarrierHttp) -> None:
    async with receiving(always(said({"errors": [{"code": "tracker_not_found"}], "data": None}, 404))) as service:
        (found,) = await asked("ship24", http, f"http://127.0.0.1:{service.port}").poll_many([Parcel("A1", {})])

    assert isinstance(found, ParcelNotThere)


@pytest.mark.parametrize("name", ["17track", "trackingmore"])
async def test_a_number_of_two_couriers_is_that_of_the_parcels_courier(name: str, http: CarrierHttp) -> None:
    parcel, update, inside = pushed(name)
    courier = {"carrier": 1} if name == "17track" else {"courier_code": "dhl"}
    other = inside | courier | {"track_info": {}, "origin_info": None}
    async with receiving(always(said(framed(name, other, inside)))) as service:
        (found,) = await asked(name, http, f"http://127.0.0.1:{service.port}").poll_many([parcel])

    assert isinstance(found, Update)
    assert found.checkpoints == update.checkpoints


@pytest.mark.parametrize(
    ("code", "expected"),
    [(-18019909, Update), (-18019902, ParcelNotThere), (-18010012, ParcelNotThere)],
)
async def test_17tracks_rejections_concern_the_number_only(
    code: int, expected: type[Update | CarrierError], http: CarrierHttp
) -> None:
    rejected = [{"number": "A1", "error": {"code": code, "message": "no"}}]
    async with receiving(always(said({"code": 0, "data": {"rejected": rejected}}))) as service:
        (found,) = await asked("17track", http, f"http://127.0.0.1:{service.port}").poll_many([Parcel("A1", {})])

    assert isinstance(found, expected)
    assert found != Update(Source.POLL, unknown_number=True)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"code": -18010002}, CarrierRefused),
        ({"code": -18010003}, CarrierUnavailable),
        ({"code": 0, "data": {"rejected": [{"number": "A1", "error": {"code": -18019907}}]}}, CarrierLimited),
        ({"code": 0, "data": {"rejected": [{"number": "A1", "error": {"code": -18019908}}]}}, CarrierLimited),
    ],
)
async def test_17tracks_trouble_with_the_key_or_the_quota_concerns_no_parcel(
    document: object, error: type[CarrierError], http: CarrierHttp
) -> None:
    async with receiving(always(said(document))) as service:
        with pytest.raises(error):
            await asked("17track", http, f"http://127.0.0.1:{service.port}").poll("A1", {})


@pytest.mark.parametrize("name", SERVICES)
async def test_every_parcel_of_a_stand_in_ends_as_planned_when_it_is_asked(name: str, http: CarrierHttp) -> None:
    clock = Clock()
    there = stand_in(name, clock)
    states = {
        one.tracking_number: register("0" * 32, one.tracking_number, one.courier_code, {}, 1)
        for one in there.form.routes
    }
    async with serve({name: there}, 0) as url:
        to_register = [ParcelToRegister(one.tracking_number, one.courier_code) for one in there.form.routes]
        refused = await REGISTRARS[name].register(http, f"{url}/{name}", KEY, to_register)
        service = asked(name, http, f"{url}/{name}")
        for _ in range(int(SECONDS) // 3 + 1):
            for number, state in states.items():
                update = await service.poll(number, {})
                states[number] = apply(state, update, 2).state
            clock.seconds += 3

    assert refused == [None, None]
    assert {number: state.substatus for number, state in states.items()} == {
        one.tracking_number: one.ends_as for one in there.form.routes
    }
    assert not any(is_unread(scan) for state in states.values() for scan in state.checkpoints)


@pytest.mark.parametrize("name", SERVICES)
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
async def test_a_damaged_answer_of_a_service_is_an_error(
    name: str, mood: Mood, error: type[CarrierError], http: CarrierHttp
) -> None:
    there = stand_in(name, Clock())
    there.mood = mood
    async with serve({name: there}, 0) as url:
        with pytest.raises(error):
            await asked(name, http, f"{url}/{name}").poll(NUMBERS[0], {})


@pytest.mark.parametrize("name", SERVICES)
def test_the_pushes_of_a_stand_in_are_authentic(name: str) -> None:
    there = stand_in(name, Clock())
    form = there.form
    assert isinstance(form, Service)
    form.follow(NUMBERS[0], "21051" if name == "17track" else "usps")
    sight, _ = there.fleet.look(NUMBERS[0])
    assert sight is not None
    webhook, sender = form.push(sight, KEY), senders.find(name)
    assert sender is not None

    push = Push(webhook.body, webhook.headers)
    form_of_signature = sender.verify(push, {"secret": KEY, "api_key": KEY}, round(time.time()))

    assert form_of_signature
    (told,) = sender.read(push, 1_900_000_000_000).told
    assert told.tracking_number == NUMBERS[0]
