"""The hourly figures of an endpoint: counted with the settle, and reported by the API."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_endpoint_tests import send_test, settled
from tests.flow.test_intake import reporting, scan
from tests.support import hostile
from tests.support.api import Api, Caller
from tests.support.receiver import HANG, HANGS_AFTER_SECONDS, OK, always, answering, receiving
from waypost.domain import ids
from waypost.domain.retry import Policy


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
    assert 0 <= stats["arrival_ms"]["p50"] <= stats["arrival_ms"]["p95"] < 300_000
    assert stats["prompt_rate"] == 1.0
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


async def test_what_waits_for_more_than_five_minutes_and_what_fails_is_not_prompt(api: Api, shop: Caller) -> None:
    endpoint = id_of(await add(shop))
    await tally(api, endpoint, delivered=3, failed=1, arrival=[2] + [0] * 10 + [1])
    old = datetime.now(UTC) - timedelta(minutes=6)
    for at in (old, old, datetime.now(UTC)):
        await api.database.serving.execute(
            "insert into due (bucket, id, endpoint, tracking, event, sequence, ordering, next_at)"
            " values (1, $1, $2, $3, $3, 1, 'unordered', now() + interval '1 hour')",
            *(ids.make_id(round(at.timestamp() * 1000), 1, uuid4().int), endpoint, uuid4()),
        )

    stats = (await shop.get(f"/v1/endpoints/{ids.to_text(ids.ENDPOINT, endpoint)}/stats")).json()

    assert stats["prompt_rate"] == 2 / 6  # one late, one failed, two overdue
    assert stats["waiting"] == 3
    assert stats["oldest_waiting_at"][:16] == old.isoformat()[:16]


async def test_time_outs_count_in_the_response_times_as_long_as_they_took(api: Api, shop: Caller) -> None:
    way = Way(api.database, timeout_seconds=0.05, policy=Policy(base_seconds=3600))
    async with running(way), receiving(always(HANG)) as receiver:
        endpoint = await way.add_endpoint(shop.account, receiver.url)
        await way.intake.submit([reporting(shop.account, "A1", scan(8))])
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not await way.outcomes():
                pass

    stats = (await shop.get(f"/v1/endpoints/{ids.to_text(ids.ENDPOINT, endpoint)}/stats")).json()

    assert stats["latency_ms"] == {"p50": 50, "p95": 50}
    assert stats["arrival_ms"] == {"p50": None, "p95": None}


def id_of(endpoint: str) -> UUID:
    found = ids.from_text(ids.ENDPOINT, endpoint)
    assert found is not None
    return found


async def tally(api: Api, endpoint: UUID, *, delivered: int, failed: int, arrival: list[int]) -> None:
    """Count for the present hour what was sent to an endpoint."""
    await api.database.serving.execute(
        "insert into delivery_hours (endpoint, day, hour, dispatcher, delivered, failed, attempts, failed_attempts,"
        " latency, arrival) values ($1, $2::timestamptz::date, date_trunc('hour', $2::timestamptz), 1, $3, $4, $5, $4,"
        " $6, $7)",
        *(endpoint, datetime.now(UTC), delivered, failed, delivered + failed, [0] * 22, arrival),
    )
