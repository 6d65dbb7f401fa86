"""What each carrier is asked, byte by byte: the token call, the question, and what becomes of a refusal."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support.carrier_calls import SECRET, own_headers, source, token, told
from tests.support.receiver import receiving
from waypost.domain.carriers import CarrierRefused
from waypost.domain.trackings import Source, Update
from waypost.sources.http import CarrierHttp


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


async def test_usps_is_asked_for_one_number_with_a_token_whose_call_counts(http: CarrierHttp) -> None:
    answers = [token(scope="addresses tracking"), told("usps", "not_known_yet")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        usps = source(http, "usps", carrier.port, SECRET)
        update = await usps.ask("A/1+2", {"customer_name": "Ada"})

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "POST /oauth2/v3/token",
        "GET /tracking/v3/tracking/A%2F1%2B2?expand=DETAIL",
    ]
    assert own_headers(carrier, 0) == {"content-type": "application/json"}
    assert json.loads(carrier.requests[0].body) == {"grant_type": "client_credentials"} | SECRET
    assert own_headers(carrier, 1) == {"authorization": "Bearer t"}
    assert usps.extra_calls == 1


async def test_a_usps_app_without_access_to_tracking_is_refused_when_it_is_tried(http: CarrierHttp) -> None:
    async with receiving(lambda _: token(scope="addresses prices")) as carrier:
        usps = source(http, "usps", carrier.port, SECRET)
        with pytest.raises(CarrierRefused, match="no access to tracking"):
            await usps.probe()

    assert len(carrier.requests) == 1


async def test_a_usps_token_that_names_no_scope_is_used(http: CarrierHttp) -> None:
    async with receiving(lambda _: token()) as carrier:
        await source(http, "usps", carrier.port, SECRET).probe()

    assert len(carrier.requests) == 1
