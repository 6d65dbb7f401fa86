"""/v1/deliveries: sent and waiting deliveries in pages; one with its attempts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from ipaddress import ip_network
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import Api, Caller
from tests.support.databases import PLACE
from tests.support.receiver import HANGS_AFTER_SECONDS, Receiver, always, answering, receiving
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.retry import Policy
from waypost.domain.targets import Ports
from waypost.store.vault import Vault

DELIVERY = [
    *("id", "endpoint_id", "event_id", "tracking_id", "tracking_number", "courier_code", "sequence", "status"),
    *("substatus", "state", "reason", "blocked_by", "test", "resend_of", "recovery_id", "attempt_count"),
    *("next_attempt_at", "created_at", "settled_at"),
]
ATTEMPT = [
    *(
        "number",
        "started_at",
        "duration_ms",
        "version",
        "outcome",
        "message",
        "status_code",
        "reason",
        "retry_after_seconds",
    ),
    *("request", "response"),
]


async def add(api: Api, shop: Caller, url: str = "http://127.0.0.1/hook") -> str:
    made: str = (await shop.post("/v1/endpoints", {"url": "http://127.0.0.1/hook", "allow_duplicate": True})).json()[
        "id"
    ]
    await api.database.serving.execute("update endpoint set url = $2 where id = $1", UUID(made[3:]), url)
    return made


async def report(shop: Caller, number: str, *hours: int, detail: str = "Out for delivery") -> None:
    for hour in hours:
        scan = {"checkpoint_date": f"2026-07-01T{hour:02}:00:00", "tracking_detail": detail}
        body = {"tracking_number": number, "courier_code": "dhl", "create": True, "checkpoints": [scan]}
        assert (await shop.post("/v1/updates", {"updates": [body]})).status_code == 200


@asynccontextmanager
async def dispatching(api: Api, settled: int, *, policy: Policy) -> AsyncIterator[None]:
    """Run a dispatcher until this number of deliveries is settled."""
    guard = Guard(SystemResolver(), ports=Ports.parse("1-65535"), allow=(ip_network("127.0.0.0/8"),))
    sender = Sender(guard, PyreqwestTransport(), Vault("a key for tests only"), SendSettings("Waypost/test", policy))
    stop = asyncio.Event()
    serving = asyncio.create_task(Dispatcher(api.database, sender, place=PLACE).serve(stop))
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while await api.database.serving.fetchval("select count(*) from settled") < settled:
            pass
    stop.set()
    await serving
    yield


def url_of(receiver: Receiver) -> str:
    return f"http://127.0.0.1:{receiver.port}/hook"


async def listed(shop: Caller, query: str = "") -> Any:
    answer = await shop.get(f"/v1/deliveries?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_waiting_deliveries_show_what_blocks_them(api: Api, shop: Caller) -> None:
    endpoint = await add(api, shop)
    await report(shop, "A1", 8, 9)

    second, first = await listed(shop)

    assert list(first) == DELIVERY
    assert (first["endpoint_id"], first["tracking_number"], first["courier_code"]) == (endpoint, "A1", "dhl")
    assert (first["status"], first["substatus"], first["sequence"]) == ("pickup", "pickup001", 1)
    assert (first["state"], first["attempt_count"], first["settled_at"]) == ("waiting", 0, None)
    assert first["next_attempt_at"] is not None
    assert (second["state"], second["blocked_by"], second["next_attempt_at"]) == ("blocked", first["id"], None)


async def test_a_delivery_shows_the_request_as_sent_and_the_response(api: Api, shop: Caller) -> None:
    async with receiving(always(answering(200, "x-a: b", body=b"thanks"))) as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        async with dispatching(api, 1, policy=Policy()):
            (request,) = receiver.requests
        (item,) = await listed(shop)

        found = (await shop.get(f"/v1/deliveries/{item['id']}")).json()

    assert list(found) == [*DELIVERY, "attempts"]
    assert (found["state"], found["attempt_count"], found["next_attempt_at"]) == ("delivered", 1, None)
    (attempt,) = found["attempts"]
    assert list(attempt) == ATTEMPT
    assert (attempt["number"], attempt["outcome"], attempt["status_code"]) == (1, "succeeded", 200)
    sent = [f"{name}: {text}" for name, text in attempt["request"]["headers"]]
    assert sent == request.raw_head.decode().split("\r\n")[1:-2]
    assert attempt["request"]["body"].encode() == request.body
    assert attempt["request"]["body_sha256"] == sha256(request.body).hexdigest()
    assert attempt["request"]["url"] == url_of(receiver)
    assert ["x-a", "b"] in attempt["response"]["headers"]
    assert (attempt["response"]["body"], attempt["response"]["truncated"]) == ("thanks", False)


async def test_failures_have_messages_oldest_first_and_binary_bodies_are_base64(api: Api, shop: Caller) -> None:
    answers = {1: answering(503, "retry-after: 0", body=b"\xff\x00"), 2: answering(404)}
    async with receiving(lambda number: answers[number]) as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        async with dispatching(api, 1, policy=Policy(base_seconds=0.01, limit=1)):
            pass
        (item,) = await listed(shop)

        found = (await shop.get(f"/v1/deliveries/{item['id']}")).json()

    first, second = found["attempts"]
    assert (found["state"], first["number"], second["number"]) == ("failed", 1, 2)
    assert (first["outcome"], first["message"]) == ("http_5xx", "The endpoint returned 503.")
    assert (first["response"]["body"], first["response"]["body_base64"]) == (None, "/wA=")
    assert (second["outcome"], second["message"]) == ("http_4xx", "The endpoint returned 404.")
    assert ["waypost-attempt", "2"] in second["request"]["headers"]


async def test_an_attempt_without_a_response_shows_none(api: Api, shop: Caller) -> None:
    await add(api, shop, "http://127.0.0.1:1/")
    await report(shop, "A1", 8)
    async with dispatching(api, 1, policy=Policy(limit=0)):
        pass
    (item,) = await listed(shop)

    (attempt,) = (await shop.get(f"/v1/deliveries/{item['id']}")).json()["attempts"]

    assert (attempt["outcome"], attempt["reason"]) == ("connect_failed", "port_closed")
    assert attempt["message"].startswith("The connection failed. The address refused the connection")
    assert (attempt["response"], attempt["status_code"]) == (None, None)


async def test_a_body_that_would_be_rendered_differently_today_is_not_shown(api: Api, shop: Caller) -> None:
    async with receiving() as receiver:
        await add(api, shop, url_of(receiver))
        await report(shop, "A1", 8)
        async with dispatching(api, 1, policy=Policy()):
            pass
    await api.database.serving.execute("update attempt set body_sha256 = sha256('other')")
    (item,) = await listed(shop)

    (attempt,) = (await shop.get(f"/v1/deliveries/{item['id']}")).json()["attempts"]

    assert attempt["request"]["body"] is None
    assert "differently" in attempt["message"]


async def test_pages_have_no_gaps_or_repeats_while_deliveries_change(api: Api, shop: Caller) -> None:
    endpoints = [await add(api, shop) for _ in range(2)]
    await asyncio.gather(*[report(shop, f"A{number}", 8) for number in range(30)])
    known = {item["id"] for item in await listed(shop, "limit=200")}
    assert len(known) == 60

    seen: list[str] = []
    cursor = ""
    for number in range(100, 120):
        page = (await shop.get(f"/v1/deliveries?limit=7{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        await report(shop, f"B{number}", 8)
        await shop.post(f"/v1/endpoints/{endpoints[0]}/disable")
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen))
    assert known <= set(seen)


async def test_filters_select_deliveries(api: Api, shop: Caller) -> None:
    first, second = await add(api, shop), await add(api, shop)
    await report(shop, "A1", 8, 9)
    await report(shop, "A2", 8, detail="Delivered")
    await shop.post(f"/v1/endpoints/{second}/disable")

    async def chosen(query: str) -> set[tuple[str, int, str, str]]:
        items = await listed(shop, query)
        return {(item["tracking_number"], item["sequence"], item["endpoint_id"], item["state"]) for item in items}

    assert await chosen(f"endpoint={first}") == {
        ("A1", 1, first, "waiting"),
        ("A1", 2, first, "blocked"),
        ("A2", 1, first, "waiting"),
    }
    assert await chosen("state=blocked") == {("A1", 2, first, "blocked")}
    assert await chosen("state=retrying") == set()
    assert {item[3] for item in await chosen("state=cancelled")} == {"cancelled"}
    assert len(await chosen("state=cancelled")) == 3
    assert await chosen("state=delivered") == set()
    assert {item[:2] for item in await chosen("tracking_number=a 2")} == {("A2", 1)}
    assert await chosen(f"tracking_number=A1&endpoint={first}&state=waiting") == {("A1", 1, first, "waiting")}
    assert await chosen("tracking_number=A9") == set()
    assert {item[0] for item in await chosen("status=delivered")} == {"A2"}
    assert await chosen("until=2020-01-01T00:00:00Z") == set()
    assert len(await chosen("since=2020-01-01T00:00:00+00:00")) == 6
    assert await chosen("test=true") == set()


async def test_a_page_of_one_status_may_be_short_but_its_cursor_continues(api: Api, shop: Caller) -> None:
    await add(api, shop)
    for number in range(4):
        await report(shop, f"A{number}", 8, detail="Delivered" if number == 0 else "Out for delivery")

    page = (await shop.get("/v1/deliveries?status=pickup&limit=2")).json()
    rest = (await shop.get(f"/v1/deliveries?status=pickup&limit=2&cursor={page['next_cursor']}")).json()

    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("endpoint=x", "endpoint"),
        ("tracking_number=", "tracking_number"),
        ("tracking_number=a%00b", "tracking_number"),
        ("tracking_number=%FF", "tracking_number"),
        ("tracking_number=%ED%A0%80", "tracking_number"),
        ("state=%E2%82", "state"),
        ("status=lost", "status"),
        ("state=sent", "state"),
        ("since=yesterday", "since"),
        ("until=2026-01-01", "until"),
        ("test=maybe", "test"),
        ("cursor=ep_0", "cursor"),
        ("order=asc", "order"),
    ],
)
async def test_invalid_filters_are_named(shop: Caller, query: str, field: str) -> None:
    answer = await shop.get(f"/v1/deliveries?{query}")

    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])


async def test_a_parameter_whose_name_is_not_text_is_named_in_ascii(shop: Caller) -> None:
    answer = await shop.get("/v1/deliveries?%FF=1")

    assert answer.json()["errors"] == [
        {"field": "\\udcff", "message": "unknown query parameter"},
        {"field": "\\udcff", "message": "is not text in UTF-8"},
    ]


async def test_deliveries_of_other_accounts_do_not_exist(api: Api, shop: Caller) -> None:
    other = await api.caller()
    endpoint = await add(api, other)
    await report(other, "A1", 8)
    (theirs,) = await listed(other)

    found = await shop.get(f"/v1/deliveries/{theirs['id']}")
    absent = await shop.get(f"/v1/deliveries/dlv_{'0' * 12}7{'0' * 19}")

    assert (found.status_code, found.content) == (404, absent.content)
    assert await listed(shop) == []
    assert await listed(shop, f"endpoint={endpoint}") == []
    assert await listed(shop, "tracking_number=A1") == []


async def test_deliveries_of_a_deleted_endpoint_stay_in_the_history(api: Api, shop: Caller) -> None:
    endpoint = await add(api, shop)
    await report(shop, "A1", 8)
    await shop.call("DELETE", f"/v1/endpoints/{endpoint}")

    (item,) = await listed(shop)

    assert (item["endpoint_id"], item["state"], item["reason"]) == (endpoint, "cancelled", "endpoint_off")
    assert (await shop.get(f"/v1/deliveries/{item['id']}")).status_code == 200
