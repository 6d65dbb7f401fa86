import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from tests.support.hostile import CHUNKED, dripping, endless, endless_headers, then_close, then_reset
from tests.support.receiver import HANG, Behaviour, Peer, always, answering, receiving
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused, CarrierSource, CarrierUnavailable
from waypost.domain.errors import InvalidInput
from waypost.domain.retry import LONGEST_RETRY_AFTER_SECONDS, read_retry_after
from waypost.domain.tracking_numbers import check_courier_code
from waypost.domain.trackings import Source, Update
from waypost.sources.carriers.carrier import check_base_url
from waypost.sources.carriers.dhl import CARRIER
from waypost.sources.http import MOST_BODY_BYTES, CarrierHttp

NUMBER = "1234567891"
KEY = "a-key-that-nobody-may-see"
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
EVENT = {"timestamp": "2026-03-02T10:00:00+01:00", "statusCode": "transit", "description": "Shipment picked up"}
BODY = json.dumps({"shipments": [{"id": NUMBER, "events": [EVENT]}]}).encode()
FOUND = answering(200, "content-type: application/json", body=BODY)


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0 (+ops@example.com)")
    yield client
    await client.close()


@pytest.fixture
async def hasty_http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=0.3, user_agent="Waypost/0")
    yield client
    await client.close()


def source(http: CarrierHttp, port: int) -> CarrierSource:
    return CARRIER.open(http, {"api_key": KEY}, base_url=f"http://127.0.0.1:{port}")


async def test_a_poll_is_one_get_with_the_key_and_nothing_else(http: CarrierHttp) -> None:
    async with receiving(always(FOUND)) as carrier:
        await source(http, carrier.port).poll("A/1+2", {})

    (request,) = carrier.requests
    assert request.raw_head.startswith(b"GET /track/shipments?trackingNumber=A%2F1%2B2&language=en HTTP/1.1\r\n")
    assert sorted(request.header_lines) == [
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("dhl-api-key", KEY),
        ("host", f"127.0.0.1:{carrier.port}"),
        ("user-agent", "Waypost/0 (+ops@example.com)"),
    ]
    assert request.body == b""


@pytest.mark.parametrize(
    ("facts", "sent"),
    [
        ({"recipient_postcode": " 10115 "}, "&recipientPostalCode=10115"),
        ({"tracking_postal_code": "10115"}, "&recipientPostalCode=10115"),
        ({"recipient_postcode": "10115&service=x\r\n"}, "&recipientPostalCode=10115%26service%3Dx"),
        ({"recipient_postcode": "1" * 17}, ""),
        ({"recipient_postcode": " "}, ""),
        ({"customer_name": "Ada", "customer_email": "ada@example.com"}, ""),
    ],
)
async def test_only_the_postcode_of_the_shops_facts_is_sent(
    http: CarrierHttp, facts: dict[str, str], sent: str
) -> None:
    async with receiving(always(FOUND)) as carrier:
        await source(http, carrier.port).poll(NUMBER, facts)

    assert carrier.requests[0].path == f"/track/shipments?trackingNumber={NUMBER}&language=en{sent}"


async def test_a_response_becomes_an_update(http: CarrierHttp) -> None:
    async with receiving(always(FOUND)) as carrier:
        update = await source(http, carrier.port).poll(NUMBER, {})

    assert [scan.tracking_detail for scan in update.checkpoints] == ["Shipment picked up"]


async def test_an_unknown_number_is_an_update_not_an_error(http: CarrierHttp) -> None:
    unknown = json.dumps({"title": "No result found", "status": 404, "detail": "-"}).encode()

    async with receiving(always(answering(404, body=unknown))) as carrier:
        update = await source(http, carrier.port).poll(NUMBER, {})

    assert update == Update(Source.POLL, unknown_number=True)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_rejected_key_has_its_own_error(http: CarrierHttp, status: int) -> None:
    async with receiving(always(answering(status))) as carrier:
        with pytest.raises(CarrierRefused, match=str(status)):
            await source(http, carrier.port).poll(NUMBER, {})


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("retry-after: 7", 7),
        ("x-nothing: 1", None),
        ("retry-after: x", None),
        ("retry-after: -7", None),
        ("retry-after: \xfc", None),
        ("retry-after: 999999999", LONGEST_RETRY_AFTER_SECONDS),
    ],
)
async def test_too_many_requests_give_the_time_to_wait(http: CarrierHttp, header: str, seconds: float | None) -> None:
    async with receiving(always(answering(429, header))) as carrier:
        with pytest.raises(CarrierLimited) as limited:
            await source(http, carrier.port).poll(NUMBER, {})

    assert limited.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "body",
    [then_close(b"{"), then_reset(b"{"), endless(b"", b" " * 65_536), dripping(b"", b" ")],
    ids=["cut off", "reset", "endless", "hanging"],
)
@pytest.mark.parametrize(
    ("head", "raised"),
    [("429 X\r\nretry-after: 7", CarrierLimited), ("401 X", CarrierRefused), ("503 X", CarrierUnavailable)],
)
async def test_the_status_decides_even_if_the_body_is_broken(
    hasty_http: CarrierHttp, head: str, raised: type[CarrierError], body: Behaviour
) -> None:
    async def behave(peer: Peer) -> None:
        await peer.write(f"HTTP/1.1 {head}\r\ncontent-length: 5000000\r\n\r\n".encode())
        await body(peer)

    async with receiving(always(behave)) as carrier:
        with pytest.raises(raised) as error:
            await source(hasty_http, carrier.port).poll(NUMBER, {})

    assert len(carrier.requests) == 1
    assert not isinstance(error.value, CarrierLimited) or error.value.retry_after_seconds == 7
    assert type(error.value) is raised


BAD_ANSWERS: dict[str, bytes | Behaviour | None] = {
    "500": answering(500),
    "503 with a valid body": answering(503, body=BODY),
    "400": answering(400, body=b"{}"),
    "204": b"HTTP/1.1 204 X\r\n\r\n",
    "a 404 of somebody else": answering(404, body=b"<html>not here</html>"),
    "html": answering(200, body=b"<html>"),
    "no http": b"220 smtp.example.com ESMTP\r\n",
    "closed": None,
    "reset": then_reset(),
    "cut off": then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{"),
    "too long": endless(CHUNKED, b"10000\r\n" + b" " * 65_536 + b"\r\n"),
    "endless headers": endless_headers,
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_anything_but_a_valid_response_is_unavailable(
    http: CarrierHttp, answer: bytes | Behaviour | None
) -> None:
    async with receiving(always(answer)) as carrier:
        with pytest.raises(CarrierUnavailable) as unavailable:
            await source(http, carrier.port).poll(NUMBER, {})

    assert str(carrier.port) not in str(unavailable.value)
    assert NUMBER not in str(unavailable.value)
    assert KEY not in str(unavailable.value)


async def test_a_body_of_one_mebibyte_is_read_and_a_longer_one_is_not(http: CarrierHttp) -> None:
    fits = answering(200, body=BODY.ljust(MOST_BODY_BYTES))
    longer = answering(200, body=BODY.ljust(MOST_BODY_BYTES + 1))

    async with receiving(lambda number: fits if number == 1 else longer) as carrier:
        dhl = source(http, carrier.port)
        update = await dhl.poll(NUMBER, {})
        with pytest.raises(CarrierUnavailable, match="longer than 1,048,576 bytes"):
            await dhl.poll(NUMBER, {})

    assert len(update.checkpoints) == 1


LATE_ANSWERS: dict[str, bytes | Behaviour] = {
    "silent": HANG,
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\n", b"x-drip: 1\r\n"),
    "drips its body": dripping(CHUNKED, b"1\r\n \r\n"),
}


@pytest.mark.parametrize("answer", LATE_ANSWERS.values(), ids=LATE_ANSWERS)
async def test_one_deadline_covers_the_whole_response(hasty_http: CarrierHttp, answer: bytes | Behaviour) -> None:
    async with receiving(always(answer)) as carrier:
        with pytest.raises(CarrierUnavailable, match=r"within 0\.3 s"):
            await source(hasty_http, carrier.port).poll(NUMBER, {})


async def test_an_unreachable_carrier_is_unavailable(http: CarrierHttp) -> None:
    async with receiving() as gone:
        port = gone.port

    with pytest.raises(CarrierUnavailable, match="no response"):
        await source(http, port).poll(NUMBER, {})


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(http: CarrierHttp, status: int) -> None:
    async with receiving(always(FOUND)) as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.port}/track/shipments"
        async with receiving(always(answering(status, location))) as carrier:
            with pytest.raises(CarrierUnavailable, match=str(status)):
                await source(http, carrier.port).poll(NUMBER, {})

    assert elsewhere.connections == 0


async def test_cookies_are_not_kept(http: CarrierHttp) -> None:
    async with receiving(always(answering(200, "set-cookie: a=b; Path=/", body=BODY))) as carrier:
        dhl = source(http, carrier.port)
        await dhl.poll(NUMBER, {})
        await dhl.poll(NUMBER, {})

    assert "cookie" not in carrier.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(always(FOUND)) as proxy, receiving(always(FOUND)) as carrier:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
        await source(client, carrier.port).poll(NUMBER, {})
        await client.close()

    assert (proxy.connections, carrier.connections) == (0, 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("86401", LONGEST_RETRY_AFTER_SECONDS),
        ("9" * 18, LONGEST_RETRY_AFTER_SECONDS),
        (format_datetime(datetime(2026, 3, 2, 10, 1, tzinfo=UTC), usegmt=True), 60),
        (format_datetime(datetime(2036, 3, 2, tzinfo=UTC), usegmt=True), LONGEST_RETRY_AFTER_SECONDS),
        (format_datetime(datetime(2016, 3, 2, tzinfo=UTC), usegmt=True), 0),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0661\u0662", None),
        ("9" * 5_000, None),
        ("Mon, 99 Foo 2026 10:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_formats_and_invalid_values_are_ignored(
    text: str | None, seconds: float | None
) -> None:
    assert read_retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CARRIER.base_url, CARRIER.base_url),
        ("https://dhl.example.com/base/", "https://dhl.example.com/base"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://localhost:9/", "http://localhost:9"),
    ],
)
def test_a_base_url_is_https_or_on_this_machine(text: str, expected: str) -> None:
    assert check_base_url(text, setting="X") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://dhl.example.com", "https://"),
        ("http://127.0.0.1.example.com", "https://"),
        ("http://10.0.0.1", "https://"),
        ("ftp://127.0.0.1", "http:// or https://"),
        ("https://user:password@dhl.example.com", "user name"),
        ("https://dhl.example.com/?a=b", "query"),
        ("https://dhl.example.com/#a", "fragment"),
        ("https://dhl.example.com\r\nx: y", "control"),
        ("", "http:// or https://"),
    ],
)
def test_an_invalid_base_url_is_rejected_with_the_name_of_the_setting(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match="CARRIER_X_BASE_URL") as refused:
        check_base_url(text, setting="CARRIER_X_BASE_URL")

    assert reason in refused.value.message


@pytest.mark.parametrize("key", ["", "a b", "a\r\nx-evil: 1", "schlüssel", "a" * 201])
def test_a_key_that_cannot_be_a_header_is_rejected_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidInput, match=r"credentials\.api_key") as refused:
        CARRIER.check({"api_key": key})

    assert not key or key not in str(refused.value)


async def test_it_is_a_source_with_dhls_limits_and_valid_courier_codes(http: CarrierHttp) -> None:
    dhl = CARRIER.open(http, CARRIER.check({"api_key": KEY}))

    assert dhl.name == "dhl"
    assert dhl.budget == CARRIER.budget
    assert dhl.budget.calls_a_day == 250
    assert {"dhl", "dhl-germany", "dhlglobalmail"} <= dhl.courier_codes
    assert {check_courier_code(code) for code in dhl.courier_codes} == dhl.courier_codes


async def test_concurrent_requests_each_get_their_own_response(http: CarrierHttp) -> None:
    async with receiving(always(FOUND)) as carrier:
        dhl = source(http, carrier.port)
        updates = await asyncio.gather(*(dhl.poll(NUMBER, {}) for _ in range(50)))

    assert len({update.checkpoints for update in updates}) == 1
    assert len(carrier.requests) == 50


def test_every_carrier_failure_is_a_carrier_error() -> None:
    assert all(issubclass(kind, CarrierError) for kind in (CarrierUnavailable, CarrierLimited, CarrierRefused))
