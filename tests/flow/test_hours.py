"""The hourly figures of an endpoint: counted with the settle, and reported by the API."""

from datetime import UTC, datetime

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_endpoint_tests import send_test, settled
from tests.flow.test_intake import reporting, scan
from tests.support import hostile
from tests.support.api import Api, Caller
from tests.support.receiver import OK, answering, receiving
from waypost.domain import ids


async def test_deliveries_and_attempts_are_counted_and_tests_are_not(api: Api, shop: Caller) -> None:
    async with running(Way(api.database)) as way, receiving(lambda n: answering(500) if n == 1 else OK) as receiver:
        endpoint = await way.add_endpoint(shop.account, receiver.url)
        await way.intake.submit([reporting(shop.account, "A1", scan(8))])
        await way.settled(1)
        await way.intake.submit([reporting(shop.account, f"B{number}", scan(8)) for number in range(3)])
        await way.settled(4)
        await settled(way, shop.account, await send_test(way, shop.account, endpoint))

    stats = (await shop.get(f"/v1/endpoints/{ids.to_text(ids.ENDPOINT, endpoint)}/stats")).json()

    assert (stats["delivered"], stats["failed"], stats["attempts"], stats["success_rate"]) == (4, 0, 5, 1.0)
    assert (stats["waiting"], stats["oldest_waiting_at"]) == (0, None)
    assert 0 <= stats["latency_ms"]["p50"] <= stats["latency_ms"]["p95"]
    assert len(stats["hours"]) in (24, 25)
    assert sum(hour["delivered"] for hour in stats["hours"]) == 4
    assert sum(hour["failed_attempts"] for hour in stats["hours"]) == 1


async def test_failed_deliveries_lower_the_success_rate(api: Api, shop: Caller) -> None:
    async with running(Way(api.database)) as way, receiving(lambda n: OK if n == 1 else answering(500)) as receiver:
        endpoint = await way.add_endpoint(shop.account, receiver.url)
        await way.intake.submit([reporting(shop.account, "A1", scan(8))])
        await way.settled(1)
        await way.intake.submit([reporting(shop.account, "B1", scan(8))])
        await way.settled(2)

    stats = (await shop.get(f"/v1/endpoints/{ids.to_text(ids.ENDPOINT, endpoint)}/stats")).json()

    assert (stats["delivered"], stats["failed"], stats["attempts"], stats["success_rate"]) == (1, 1, 5, 0.5)


async def test_hours_of_several_dispatchers_are_added_up(api: Api, shop: Caller) -> None:
    endpoint = await add(shop)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for dispatcher in (1, 2):
        await api.database.serving.execute(
            "insert into delivery_hours values ($1, $2, $3, $4, 2, 1, 4, 2, $5)",
            *(ids.from_text(ids.ENDPOINT, endpoint), now.date(), now, dispatcher, [dispatcher] + [0] * 21),
        )

    stats = (await shop.get(f"/v1/endpoints/{endpoint}/stats")).json()

    assert (stats["delivered"], stats["failed"], stats["attempts"]) == (4, 2, 8)
    assert stats["latency_ms"] == {"p50": 1, "p95": 2}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("since=yesterday", ["since"]),
        ("since=2026-03-04T13:20:00Z&until=2026-03-04T13:20:00Z", ["since"]),
        ("since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z", ["since"]),
        ("until=0001-01-01T00:00:00Z", ["since"]),
        ("days=3", ["days"]),
    ],
)
async def test_invalid_times_are_rejected(shop: Caller, query: str, fields: list[str]) -> None:
    answer = await shop.get(f"/v1/endpoints/{await add(shop)}/stats?{query}")

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, fields)


async def test_endpoints_of_other_accounts_have_no_figures(api: Api, shop: Caller) -> None:
    other = await api.caller()

    answer = await other.get(f"/v1/endpoints/{await add(shop)}/stats")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_outgoing_addresses_need_no_key(api: Api) -> None:
    assert (await api.client.get("/v1/outgoing-ips")).json() == {"items": ["203.0.113.7"]}


async def add(shop: Caller) -> str:
    made = (await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/hook"})).json()
    assert isinstance(made["id"], str)
    return made["id"]


async def test_responses_with_body_faults_are_counted_and_shown(api: Api, shop: Caller) -> None:
    cut = hostile.then_close(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")
    async with running(Way(api.database)) as way, receiving(lambda n: cut if n < 3 else OK) as receiver:
        endpoint = await way.add_endpoint(shop.account, receiver.url)
        for number in range(4):
            await way.intake.submit([reporting(shop.account, f"A{number}", scan(8))])
            await way.settled(number + 1)

    stats = (await shop.get(f"/v1/endpoints/{ids.to_text(ids.ENDPOINT, endpoint)}/stats")).json()

    assert (stats["delivered"], stats["failed"], stats["flawed_answers"]) == (4, 0, 2)
