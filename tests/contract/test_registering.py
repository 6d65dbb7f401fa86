"""Parcels are registered at each service with its own request, and refused ones come back with its own words."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.support.carrier_calls import JSON, own_headers
from tests.support.receiver import always, answering, receiving
from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.inbound import ParcelToRegister
from waypost.sources import senders
from waypost.sources.http import CarrierHttp
from waypost.sources.pushes.registering import REGISTRARS
from waypost.sources.sender import REGISTER_THERE

USPS = ParcelToRegister("9400111899560000000017", "usps")
ODD = ParcelToRegister("A1", "nobody-knows")
KEY = "a-key"


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


def said(status: int, document: object) -> bytes:
    return answering(status, JSON, body=json.dumps(document).encode())


async def test_17track_registers_many_at_once_and_those_that_it_knows_count_as_done(http: CarrierHttp) -> None:
    rejected = [
        {"number": USPS.tracking_number, "error": {"code": -18019901, "message": "already registered"}},
        {"number": "A1", "error": {"code": -18019903, "message": "The carrier can't be detected"}},
    ]
    async with receiving(always(said(200, {"code": 0, "data": {"accepted": [], "rejected": rejected}}))) as service:
        refused = await REGISTRARS["17track"].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS, ODD])

    assert refused == [None, "The carrier can't be detected"]
    (request,) = service.requests
    assert (request.method, request.path) == ("POST", "/track/v2.4/register")
    assert json.loads(request.body) == [{"number": USPS.tracking_number, "carrier": 21051}, {"number": "A1"}]
    assert own_headers(service, 0)["17token"] == KEY


async def test_17track_stops_what_was_deleted(http: CarrierHttp) -> None:
    stop = REGISTRARS["17track"].stop
    assert stop is not None
    async with receiving(always(said(200, {"code": 0, "data": {"accepted": [], "rejected": []}}))) as service:
        await stop(http, f"http://127.0.0.1:{service.port}", KEY, [USPS])

    assert service.requests[0].path == "/track/v2.4/stoptrack"


async def test_17tracks_used_up_quota_refuses_no_parcel(http: CarrierHttp) -> None:
    rejected = [{"number": "A1", "error": {"code": -18019908, "message": "quota"}}]
    async with receiving(always(said(200, {"code": 0, "data": {"rejected": rejected}}))) as service:
        with pytest.raises(CarrierLimited):
            await REGISTRARS["17track"].register(http, f"http://127.0.0.1:{service.port}", KEY, [ODD])


Expected = tuple[str, str, dict[str, Any], tuple[str, str]]
EXPECTED: dict[str, Expected] = {
    "easypost": (
        "/v2/trackers",
        "json",
        {"tracker": {"tracking_code": USPS.tracking_number, "carrier": "USPS"}},
        ("authorization", "Basic YS1rZXk6"),
    ),
    "shippo": (
        "/tracks/",
        "form",
        {"carrier": ["usps"], "tracking_number": [USPS.tracking_number]},
        ("authorization", "ShippoToken a-key"),
    ),
    "aftership": (
        "/tracking/2025-07/trackings",
        "json",
        {"tracking_number": USPS.tracking_number, "slug": "usps"},
        ("as-api-key", KEY),
    ),
    "ship24": (
        "/public/v1/trackers",
        "json",
        {"trackingNumber": USPS.tracking_number, "courierCode": ["us-post"]},
        ("authorization", "Bearer a-key"),
    ),
    "trackingmore": (
        "/v4/trackings/create",
        "json",
        {"tracking_number": USPS.tracking_number, "courier_code": "usps"},
        ("tracking-api-key", KEY),
    ),
}
"""Path, form of the body, body, and the header with the key."""


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_parcel_is_registered_with_the_request_of_its_service(http: CarrierHttp, name: str) -> None:
    path, form, body, (header, value) = EXPECTED[name]
    async with receiving(always(said(201, {}))) as service:
        refused = await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS])

    (request,) = service.requests
    sent = parse_qs(request.body.decode()) if form == "form" else json.loads(request.body)
    assert (refused, request.method, request.path, sent) == ([None], "POST", path, body)
    assert own_headers(service, 0)[header] == value


@pytest.mark.parametrize(("name", "code"), [("aftership", 4003), ("trackingmore", 4101)])
async def test_a_parcel_that_is_there_already_counts_as_done(http: CarrierHttp, name: str, code: int) -> None:
    async with receiving(always(said(400, {"meta": {"code": code, "message": "exists"}}))) as service:
        assert await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS]) == [None]


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_refused_parcel_comes_back_with_the_services_words(http: CarrierHttp, name: str) -> None:
    async with receiving(always(said(422, {"error": {"message": "Bad number"}}))) as service:
        assert await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS]) == ["Bad number"]


@pytest.mark.parametrize("name", EXPECTED)
async def test_what_was_done_before_a_limit_is_kept(http: CarrierHttp, name: str) -> None:
    answers = [said(201, {}), said(429, {})]
    async with receiving(lambda number: answers[min(number, 2) - 1]) as service:
        refused = await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS, USPS, USPS])
        with pytest.raises(CarrierLimited):
            await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS])

    assert refused == [None]


@pytest.mark.parametrize(("status", "error"), [(401, CarrierRefused), (500, CarrierUnavailable)])
@pytest.mark.parametrize("name", REGISTRARS)
async def test_trouble_with_the_key_or_the_service_refuses_no_parcel(
    http: CarrierHttp, name: str, status: int, error: type[Exception]
) -> None:
    async with receiving(always(said(status, {}))) as service:
        with pytest.raises(error):
            await REGISTRARS[name].register(http, f"http://127.0.0.1:{service.port}", KEY, [USPS])


def test_every_service_that_offers_it_can_register_and_has_a_field_for_its_key() -> None:
    offers = {one.name for one in senders.senders() if REGISTER_THERE in one.choices}

    assert offers == set(REGISTRARS)
    for one in senders.senders():
        assert one.name not in offers or "api_key" in {field.name for field in one.fields}


FOUND: dict[str, object] = {
    "aftership": {"data": {"trackings": [{"id": "a/1", "slug": "usps"}, {"id": "a2", "slug": "ups"}]}},
    "trackingmore": {"data": [{"id": "a/1", "courier_code": "usps"}, {"id": "a2", "courier_code": "ups"}]},
    "ship24": {"data": {"trackings": [{"tracker": {"trackerId": "a/1"}}]}},
}
"""What is found by the number of a parcel, at the services that stop parcels by an id of their own."""
STOPPED = {
    "aftership": ("DELETE", "/tracking/2025-07/trackings/a%2F1", b""),
    "trackingmore": ("DELETE", "/v4/trackings/delete/a%2F1", b""),
    "ship24": ("PATCH", "/public/v1/trackers/a%2F1", b'{"isSubscribed":false}'),
}


async def stop(name: str, http: CarrierHttp, url: str, *parcels: ParcelToRegister) -> list[str | None]:
    stopping = REGISTRARS[name].stop
    assert stopping is not None
    return await stopping(http, url, KEY, parcels)


@pytest.mark.parametrize("name", STOPPED)
async def test_a_parcel_is_found_by_its_number_and_courier_and_stopped(http: CarrierHttp, name: str) -> None:
    answers = [said(200, FOUND[name]), said(200, {})]
    async with receiving(lambda number: answers[number - 1]) as service:
        refused = await stop(name, http, f"http://127.0.0.1:{service.port}", USPS)

    looked, stopped = service.requests
    assert refused == [None]
    assert USPS.tracking_number in looked.path
    assert (stopped.method, stopped.path, stopped.body) == STOPPED[name]


@pytest.mark.parametrize("name", STOPPED)
async def test_a_parcel_that_is_not_there_any_more_counts_as_stopped(http: CarrierHttp, name: str) -> None:
    nothing: object = {"data": {"trackings": []}} if name != "trackingmore" else {"data": []}
    async with receiving(always(said(200, nothing))) as service:
        refused = await stop(name, http, f"http://127.0.0.1:{service.port}", USPS)

    assert refused == [None]
    assert {one.method for one in service.requests} == {"GET"}


@pytest.mark.parametrize("name", STOPPED)
async def test_a_service_that_does_not_stop_a_parcel_says_why(http: CarrierHttp, name: str) -> None:
    answers = [said(200, FOUND[name]), said(422, {"error": {"message": "Not now"}})]
    async with receiving(lambda number: answers[number - 1]) as service:
        assert await stop(name, http, f"http://127.0.0.1:{service.port}", USPS) == ["Not now"]


@pytest.mark.parametrize("code", [-18019902, -18019906])
async def test_17track_counts_what_it_does_not_follow_as_stopped(http: CarrierHttp, code: int) -> None:
    rejected = [{"number": "A1", "error": {"code": code, "message": "no"}}]
    async with receiving(always(said(200, {"code": 0, "data": {"rejected": rejected}}))) as service:
        assert await stop("17track", http, f"http://127.0.0.1:{service.port}", ODD) == [None]
