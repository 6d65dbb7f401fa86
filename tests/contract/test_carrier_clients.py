"""The exact requests to each carrier: the token call, the poll, and the handling of rejections."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support.carrier_calls import JSON, SECRET, own_headers, recorded, source, token
from tests.support.receiver import answering, receiving
from waypost.domain.carriers import (
    BatchSource,
    CarrierError,
    CarrierRefused,
    CarrierUnavailable,
    Parcel,
)
from waypost.domain.trackings import Source, Update
from waypost.sources.http import CarrierHttp


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


async def test_a_host_without_an_address_is_reported_in_plain_words(http: CarrierHttp) -> None:
    with pytest.raises(CarrierUnavailable, match=r"^no response: its host name could not be resolved$"):
        await http.get("http://carrier.invalid/", {}, {})  # no resolver finds a name below .invalid (RFC 6761)


async def test_usps_requests_one_number_with_a_token_that_counts_as_a_call(http: CarrierHttp) -> None:
    answers = [token(scope="addresses tracking"), recorded("usps", "not_known_yet")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        usps = source(http, "usps", carrier.port, SECRET)
        update = await usps.poll("A/1+2", {"customer_name": "Ada"})

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "POST /oauth2/v3/token",
        "GET /tracking/v3/tracking/A%2F1%2B2?expand=DETAIL",
    ]
    assert own_headers(carrier, 0) == {"content-type": "application/json"}
    assert json.loads(carrier.requests[0].body) == {"grant_type": "client_credentials"} | SECRET
    assert own_headers(carrier, 1) == {"authorization": "Bearer t"}
    assert usps.extra_calls == 1


async def test_a_usps_app_without_access_to_tracking_fails_the_connection_test(http: CarrierHttp) -> None:
    async with receiving(lambda _: token(scope="addresses prices")) as carrier:
        usps = source(http, "usps", carrier.port, SECRET)
        with pytest.raises(CarrierRefused, match="no access to tracking"):
            await usps.probe()

    assert len(carrier.requests) == 1


async def test_a_usps_token_without_a_scope_is_used(http: CarrierHttp) -> None:
    async with receiving(lambda _: token()) as carrier:
        await source(http, "usps", carrier.port, SECRET).probe()

    assert len(carrier.requests) == 1


def fedex_parcel(number: str) -> dict[str, object]:
    event = {"date": "2026-03-01T10:00:00-06:00", "eventType": "IT", "eventDescription": "In transit"}
    return {"trackingNumber": number, "trackResults": [{"scanEvents": [event]}]}


def fedex_answer(*parcels: object) -> bytes:
    body = json.dumps({"output": {"completeTrackResults": parcels}}).encode()
    return answering(200, JSON, body=body)


async def test_fedex_requests_many_numbers_in_one_call_and_each_gets_its_part(http: CarrierHttp) -> None:
    parts = [{"trackingNumber": "C3", "trackResults": [{"error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}}]}]
    answers = [token(), fedex_answer(fedex_parcel("B2"), *parts, fedex_parcel("A1"))]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        fedex = source(http, "fedex", carrier.port, SECRET)
        assert isinstance(fedex, BatchSource)
        found = await fedex.poll_many([Parcel(number, {"customer_name": "Ada"}) for number in ("A1", "B2", "C3", "D4")])

    kinds = [one if isinstance(one, CarrierError) else (len(one.checkpoints), one.unknown_number) for one in found]
    assert kinds[:3] == [(1, False), (1, False), (0, True)]
    assert isinstance(kinds[3], CarrierUnavailable)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "POST /oauth/token",
        "POST /track/v1/trackingnumbers",
    ]
    assert carrier.requests[0].body == b"grant_type=client_credentials&client_id=me&client_secret=a-secret"
    assert own_headers(carrier, 0) == {"content-type": "application/x-www-form-urlencoded"}
    assert own_headers(carrier, 1) == {
        "authorization": "Bearer t",
        "content-type": "application/json",
        "x-locale": "en_US",
    }
    assert json.loads(carrier.requests[1].body) == {
        "includeDetailedScans": True,
        "trackingInfo": [{"trackingNumberInfo": {"trackingNumber": number}} for number in ("A1", "B2", "C3", "D4")],
    }


async def test_one_number_that_fedex_rejects_costs_the_others_only_calls(http: CarrierHttp) -> None:
    refused = {"errors": [{"code": "TRACKING.TRACKINGNUMBER.INVALID"}]}

    def answer(number: int) -> bytes:
        if number == 1:
            return token()
        asked = json.loads(carrier.requests[number - 1].body)["trackingInfo"]
        numbers = [one["trackingNumberInfo"]["trackingNumber"] for one in asked]
        if "BAD" in numbers:
            return answering(400, JSON, body=json.dumps(refused).encode())
        return fedex_answer(*map(fedex_parcel, numbers))

    async with receiving(answer) as carrier:
        fedex = source(http, "fedex", carrier.port, SECRET)
        assert isinstance(fedex, BatchSource)
        found = await fedex.poll_many([Parcel(number, {}) for number in ("A1", "B2", "BAD", "D4")])

    assert [isinstance(one, Update) and one.unknown_number for one in found] == [False, False, True, False]
    assert fedex.extra_calls == len(carrier.requests) - 1 == 5


async def test_a_rejection_without_a_number_is_not_repeated(http: CarrierHttp) -> None:
    answers = [token(), answering(400, JSON, body=b'{"errors": [{"code": "BAD.REQUEST.ERROR"}]}')]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        fedex = source(http, "fedex", carrier.port, SECRET)
        assert isinstance(fedex, BatchSource)
        with pytest.raises(CarrierUnavailable):
            await fedex.poll_many([Parcel("A1", {}), Parcel("B2", {})])

    assert len(carrier.requests) == 2


@pytest.mark.parametrize(
    ("ship_date", "began"),
    [
        ("20250109", "2025-01-08"),
        ("2025-06-01", "2025-01-08"),
        ("2026-01-01T00:00:00Z", "2026-03-04"),
        ("", "2026-03-04"),
    ],
)
async def test_of_several_fedex_shipments_the_one_closest_to_the_ship_date_is_used(
    http: CarrierHttp, ship_date: str, began: str
) -> None:
    answers = [token(), recorded("fedex", "numbers_used_again")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        fedex = source(http, "fedex", carrier.port, SECRET)
        update = await fedex.poll("770000000011", {"tracking_ship_date": ship_date})

    assert update.checkpoints[0].checkpoint_date[:10] == began


async def test_gls_requests_many_numbers_in_one_url_and_in_english(http: CarrierHttp) -> None:
    answers = [token(), recorded("gls", "own_number_of_several")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        gls = source(http, "gls", carrier.port, SECRET)
        assert isinstance(gls, BatchSource)
        found = await gls.poll_many([Parcel("40000000011", {}), Parcel("A/1,B", {})])

    assert isinstance(found[0], Update)
    assert isinstance(found[1], CarrierUnavailable)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "POST /oauth2/v2/token",
        "GET /track-and-trace-v1/tracking/simple/trackids/40000000011,A%2F1%2CB?showEvents=true&showLinks=false",
    ]
    assert carrier.requests[0].body == b"grant_type=client_credentials"
    assert own_headers(carrier, 0) == {
        "authorization": "Basic bWU6YS1zZWNyZXQ=",
        "content-type": "application/x-www-form-urlencoded",
    }
    assert own_headers(carrier, 1) == {"authorization": "Bearer t", "accept-language": "EN"}


async def test_la_poste_requests_many_numbers_with_a_key_and_no_token(http: CarrierHttp) -> None:
    async with receiving(lambda _: recorded("laposte", "one_of_several")) as carrier:
        la_poste = source(http, "laposte", carrier.port, {"api_key": "a-key"})
        assert isinstance(la_poste, BatchSource)
        found = await la_poste.poll_many([Parcel(f"8R000000000{number}", {}) for number in ("11", "22", "33", "44")])

    kinds = [isinstance(one, Update) and (len(one.checkpoints), one.unknown_number) for one in found]
    assert kinds == [(1, False), (1, False), (0, True), False]
    (request,) = carrier.requests
    numbers = "8R00000000011,8R00000000022,8R00000000033,8R00000000044"
    assert f"{request.method} {request.path}" == f"GET /suivi/v2/idships/{numbers}?lang=en_GB"
    assert own_headers(carrier, 0) == {"x-okapi-key": "a-key"}
    assert la_poste.extra_calls == 0


async def test_a_la_poste_key_is_tested_with_a_number_that_nobody_has(http: CarrierHttp) -> None:
    async with receiving(lambda _: recorded("laposte", "not_known")) as carrier:
        await source(http, "laposte", carrier.port, {"api_key": "a-key"}).probe()

    assert carrier.requests[0].path.startswith("/suivi/v2/idships/8R00000000000?")
