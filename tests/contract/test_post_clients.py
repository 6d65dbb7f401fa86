"""The exact requests to the postal operators, and the handling of rejections."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.carrier_calls import JSON, SECRET, own_headers, recorded, source, token
from tests.support.receiver import always, answering, receiving
from waypost.domain.carriers import (
    BatchSource,
    CarrierError,
    CarrierLimited,
    CarrierRefused,
    CarrierUnavailable,
    Parcel,
)
from waypost.domain.trackings import Source, Update
from waypost.sources.carriers import find
from waypost.sources.http import CarrierAnswer, CarrierHttp
from waypost.sources.reading import own_words


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


async def test_royal_mail_requests_one_mail_piece_with_the_keys_of_an_app(http: CarrierHttp) -> None:
    async with receiving(always(recorded("royal_mail", "unknown_number"))) as carrier:
        royal_mail = source(http, "royal-mail", carrier.port, SECRET)
        update = await royal_mail.poll("A/1+2", {"customer_name": "Ada"})
        await royal_mail.probe()

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "GET /mailpieces/v2/A%2F1%2B2/events",
        "GET /mailpieces/v2/FQ000000005GB/events",
    ]
    assert own_headers(carrier, 0) == {
        "x-ibm-client-id": "me",
        "x-ibm-client-secret": "a-secret",
        "x-accept-rmg-terms": "yes",
    }


def test_royal_mails_budget_stays_within_25_calls_in_12_hours() -> None:
    carrier = find("royal-mail")
    assert carrier is not None

    in_half_a_day = carrier.budget.calls_a_day / 2 + carrier.budget.bucket_size

    assert in_half_a_day <= 25


HERMES = SECRET | {"username": "shop", "password": "p&ss=word"}


async def test_hermes_requests_many_parcels_with_a_users_token(http: CarrierHttp) -> None:
    answers = [token(), recorded("hermes_de", "delivered")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        hermes = source(http, "hermes-de", carrier.port, HERMES)
        assert isinstance(hermes, BatchSource)
        numbers = ["H1009990012345678901", "A/1+2"]
        first, second = await hermes.poll_many([Parcel(number, {"customer_name": "Ada"}) for number in numbers])

    assert isinstance(first, Update)
    assert len(first.checkpoints) == 4
    assert isinstance(second, CarrierUnavailable)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "POST /authorization-facade/oauth2/access_token",
        "GET /services/hsi/shipmentinfo?shipmentID=H1009990012345678901&shipmentID=A%2F1%2B2",
    ]
    assert dict(parse_qsl(carrier.requests[0].body.decode())) == {"grant_type": "password"} | HERMES
    assert own_headers(carrier, 1) == {"authorization": "Bearer t", "accept-language": "EN"}


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize("code", ["e902", "e903"])
async def test_a_token_rejected_by_hermes_is_renewed_once(http: CarrierHttp, status: int, code: str) -> None:
    refused = answering(status, JSON, body=json.dumps({"listOfResultCodes": [{"code": code}]}).encode())
    answers = [token(), refused, token(access_token="u"), recorded("hermes_de", "unknown_number")]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        hermes = source(http, "hermes-de", carrier.port, HERMES)
        update = await hermes.poll("H1009990012345678901", {})

    assert update.unknown_number
    assert own_headers(carrier, 3)["authorization"] == "Bearer u"
    assert hermes.extra_calls == 3


async def test_a_hermes_user_without_rights_is_rejected_without_a_second_request(http: CarrierHttp) -> None:
    refused = answering(403, JSON, body=b'{"listOfResultCodes": [{"code": "e900"}]}')
    answers = [token(), refused]
    async with receiving(lambda number: answers[number - 1]) as carrier:
        with pytest.raises(CarrierRefused):
            await source(http, "hermes-de", carrier.port, HERMES).poll("H1", {})

    assert len(carrier.requests) == 2


async def test_hermes_issues_tokens_on_another_host() -> None:
    carrier = find("hermes-de")
    assert carrier is not None
    asked: list[str] = []

    class Heard(CarrierHttp):
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> CarrierAnswer:
            del body, headers
            asked.append(url)
            return CarrierAnswer(200, b'{"access_token": "t"}')

    heard = Heard(timeout_seconds=1, user_agent="Waypost/0")
    for place in (carrier.base_url, "https://de-api-int.hermesworld.com", "http://127.0.0.1:1"):
        await carrier.open(heard, HERMES, base_url=place).probe()
    await heard.close()

    assert [url.removesuffix("/authorization-facade/oauth2/access_token") for url in asked] == [
        "https://authme.myhermes.de",
        "https://authme-int.myhermes.de",
        "http://127.0.0.1:1",
    ]


async def test_australia_post_requests_ten_parcels_with_the_account_number(http: CarrierHttp) -> None:
    credentials = {"api_key": "k", "password": "p:w", "account_number": "0001234567"}
    async with receiving(always(recorded("australia_post", "carded_and_waiting"))) as carrier:
        australia_post = source(http, "australia-post", carrier.port, credentials)
        assert isinstance(australia_post, BatchSource)
        numbers = ["7XX1000634011427", "A/1+2"]
        first, second = await australia_post.poll_many([Parcel(number, {}) for number in numbers])

    assert isinstance(first, Update)
    assert len(first.checkpoints) == 3
    assert isinstance(second, CarrierUnavailable)
    (request,) = carrier.requests
    assert f"{request.method} {request.path}" == "GET /shipping/v1/track?tracking_ids=7XX1000634011427%2CA%2F1%2B2"
    assert own_headers(carrier, 0) == {
        "authorization": f"Basic {b64encode(b'k:p:w').decode()}",
        "account-number": "0001234567",
    }
    assert australia_post.most_at_once == 10


async def poll_of_australia_post(
    http: CarrierHttp, numbers: Sequence[str], rejected: Container[str]
) -> tuple[list[Update | CarrierError] | CarrierUnavailable, int]:
    """Poll a carrier that rejects requests with these numbers; return its answers or its error, and the extra calls."""

    def answer(number: int) -> bytes:
        query = dict(parse_qsl(urlsplit(carrier.requests[number - 1].path).query))
        asked = query["tracking_ids"].split(",")
        results = [{"tracking_id": one, "errors": [{"code": "ESB-10001"}]} for one in asked]
        status = 400 if any(one in rejected for one in asked) else 200
        return answering(status, JSON, body=json.dumps({"tracking_results": results}).encode())

    async with receiving(answer) as carrier:
        credentials = {"api_key": "k", "password": "p", "account_number": "1"}
        polled = source(http, "australia-post", carrier.port, credentials)
        assert isinstance(polled, BatchSource)
        try:
            found: list[Update | CarrierError] | CarrierUnavailable = await polled.poll_many(
                [Parcel(number, {}) for number in numbers]
            )
        except CarrierUnavailable as error:
            found = error
    assert polled.extra_calls == len(carrier.requests) - 1
    return found, polled.extra_calls


@pytest.mark.parametrize("place", range(4))
async def test_one_number_that_a_carrier_rejects_costs_the_others_only_calls(http: CarrierHttp, place: int) -> None:
    numbers = ["A1", "B2", "C3", "D4"]

    found, extra = await poll_of_australia_post(http, numbers, {numbers[place]})

    assert isinstance(found, list)
    assert [isinstance(one, CarrierUnavailable) for one in found] == [at == place for at in range(4)]
    assert extra == 4


async def test_a_carrier_that_rejects_every_number_is_not_called_for_each(http: CarrierHttp) -> None:
    numbers = [f"A{number}" for number in range(10)]

    found, extra = await poll_of_australia_post(http, numbers, numbers)

    assert isinstance(found, CarrierUnavailable)
    assert extra <= 8


async def test_postnl_requests_the_history_of_one_barcode(http: CarrierHttp) -> None:
    async with receiving(always(recorded("postnl", "unknown_number"))) as carrier:
        postnl = source(http, "postnl", carrier.port, {"api_key": "k"})
        update = await postnl.poll("3S/1+2", {"customer_name": "Ada"})
        await postnl.probe()

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "GET /shipment/v2/status/barcode/3S%2F1%2B2?detail=true&language=EN",
        "GET /shipment/v2/status/barcode/3SAAAA000000000?detail=true&language=EN",
    ]
    assert own_headers(carrier, 0) == {"apikey": "k"}


def message(status: int, code: str, description: str) -> bytes:
    inner = f"<message><code>{code}</code><description>{description}</description></message>"
    body = f'<messages xmlns="http://www.canadapost.ca/ws/messages">{inner}</messages>'.encode()
    return answering(status, "content-type: application/vnd.cpc.track-v2+xml", body=body)


CANADA_POST = {"username": "u", "password": "p"}


async def test_canada_post_requests_a_parcel_or_a_card_with_its_own_media_type(http: CarrierHttp) -> None:
    async with receiving(always(recorded("canada_post", "unknown_number"))) as carrier:
        canada_post = source(http, "canada-post", carrier.port, CANADA_POST)
        update = await canada_post.poll("7023/1+4604", {"customer_name": "Ada"})
        await canada_post.poll("315052413796541", {})

    assert update == Update(Source.POLL, unknown_number=True)
    assert [f"{one.method} {one.path}" for one in carrier.requests] == [
        "GET /vis/track/pin/7023%2F1%2B4604/detail",
        "GET /vis/track/dnc/315052413796541/detail",
    ]
    assert own_headers(carrier, 0) == {
        "authorization": f"Basic {b64encode(b'u:p').decode()}",
        "accept-language": "en-CA",
    }
    accepted = [value for name, value in carrier.requests[0].header_lines if name == "accept"]
    assert accepted == ["application/vnd.cpc.track-v2+xml"]


@pytest.mark.parametrize("code", ["E002", "AA001", "AA004"])
@pytest.mark.parametrize("status", [200, 400])
async def test_a_key_rejected_in_a_canada_post_message_is_rejected(http: CarrierHttp, status: int, code: str) -> None:
    async with receiving(always(message(status, code, "AAA authentication failure"))) as carrier:
        with pytest.raises(CarrierRefused) as refused:
            await source(http, "canada-post", carrier.port, CANADA_POST).probe()

    assert own_words(refused.value.body) == "AAA authentication failure"


async def test_a_key_throttled_by_canada_post_pauses_for_a_minute(http: CarrierHttp) -> None:
    async with receiving(always(message(400, "Server", "Rejected by SLM Monitor"))) as carrier:
        with pytest.raises(CarrierLimited) as limited:
            await source(http, "canada-post", carrier.port, CANADA_POST).poll("7023210039414604", {})

    assert limited.value.retry_after_seconds == 60


async def test_postnord_requests_one_number_in_english(http: CarrierHttp) -> None:
    async with receiving(always(recorded("postnord", "unknown_number"))) as carrier:
        update = await source(http, "postnord", carrier.port, {"api_key": "k&y"}).poll("0037/1+2", {})

    assert update == Update(Source.POLL, unknown_number=True)
    (request,) = carrier.requests
    assert f"{request.method} {request.path}" == (
        "GET /rest/shipment/v5/trackandtrace/findByIdentifier.json?apikey=k%26y&id=0037%2F1%2B2&locale=en"
    )
    assert own_headers(carrier, 0) == {}
