"""The event feed: every event of the account once and in order, despite concurrent writers."""

import asyncio
import json
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from tests.flow.test_intake import reporting, scan
from tests.support.api import Api, Caller
from tests.support.databases import add_account
from waypost.actions import waiting as actions
from waypost.api.v1 import feeds
from waypost.intake.batch import write
from waypost.intake.requests import Request
from waypost.payloads.v4 import render
from waypost.store.database import Database
from waypost.store.feed import events_after
from waypost.store.statements import transaction
from waypost.store.states import unpack
from waypost.store.trouble import REPEATABLE

BEGINNING = UUID(int=0)


async def report(api: Api, account: UUID, number: str, *hours: int) -> None:
    """Report scans, each as an event of its own."""
    async with api.database.engine.acquire() as session, transaction(session):
        await write(session, [reporting(account, number, scan(hour)) for hour in hours], frozenset())


async def page(shop: Caller, **parameters: Any) -> Any:
    answer = await shop.get("/v1/events", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_come_oldest_first_with_exactly_the_keys_of_the_specification(api: Api, shop: Caller) -> None:
    await report(api, shop.account, "A1", 8, 9)
    await report(api, shop.account, "B2", 8)

    found = await page(shop)

    first = found["items"][0]
    assert [(one["tracking_number"], one["sequence"]) for one in found["items"]] == [("A1", 1), ("A1", 2), ("B2", 1)]
    assert list(first) == [
        *("id", "sequence", "created_at", "tracking_id", "tracking_number", "courier_code", "status", "substatus"),
        *("previous_status", "status_changed", "source", "data"),
    ]
    assert (first["status"], first["previous_status"], first["status_changed"]) == ("transit", "pending", True)
    packed = await api.database.serving.fetchval("select state from event order by id limit 1")
    assert first["data"] == json.loads(render(unpack(packed)))["data"]


async def test_pages_have_no_gaps_or_repeats(api: Api, shop: Caller) -> None:
    await report(api, shop.account, "A1", *range(7))

    cursor: dict[str, str] = {}
    seen = []
    for _ in range(4):
        found = await page(shop, limit=2, **cursor)
        seen += [one["sequence"] for one in found["items"]]
        cursor = {"cursor": found["next_cursor"]}

    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_an_empty_page_has_a_cursor_to_continue(api: Api, shop: Caller) -> None:
    before = await page(shop)
    await report(api, shop.account, "A1", 8)

    after = await page(shop, cursor=before["next_cursor"])
    nothing = await page(shop, cursor=after["next_cursor"])

    assert before["items"] == nothing["items"] == []
    assert [one["sequence"] for one in after["items"]] == [1]
    assert nothing["next_cursor"] == after["next_cursor"]


async def test_events_and_cursors_of_other_accounts_do_not_exist(api: Api, shop: Caller) -> None:
    other = await api.caller()
    await report(api, other.account, "A1", 8)
    cursor = (await page(other))["next_cursor"]

    assert (await page(shop))["items"] == []
    answer = await shop.get("/v1/events", params={"cursor": cursor})

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["cursor"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"cursor": ""}, "cursor"),
        ({"cursor": "cur_"}, "cursor"),
        ({"cursor": "evt_" + "0" * 32}, "cursor"),
        ({"cursor": "cur_" + "0" * 40}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"wait": "61"}, "wait"),
        ({"wait": "-1"}, "wait"),
        ({"wait": "0.5"}, "wait"),
        ({"since": "yesterday"}, "since"),
        ({"since": "1969-12-31T23:59:59Z"}, "since"),
        ({"test": "true"}, "test"),
    ],
)
async def test_invalid_parameters_are_named(shop: Caller, parameters: dict[str, str], field: str) -> None:
    answer = await shop.get("/v1/events", params=parameters)

    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


async def test_a_correctly_signed_cursor_beyond_the_calendar_is_rejected(shop: Caller) -> None:
    answer = await shop.get("/v1/events", params={"cursor": feeds.cursor_of(shop.account, UUID(int=2**128 - 1))})

    assert answer.status_code == 422


async def test_without_a_cursor_the_feed_starts_at_a_given_time(api: Api, shop: Caller) -> None:
    await report(api, shop.account, "A1", 8, 9)
    created = [one["created_at"] for one in (await page(shop))["items"]]

    assert [one["sequence"] for one in (await page(shop, since=created[1]))["items"]] == [2]
    assert (await page(shop, since="2999-01-01T00:00:00Z"))["items"] == []
    both = await shop.get("/v1/events", params={"since": created[1], "cursor": (await page(shop))["next_cursor"]})
    assert both.status_code == 422


async def test_reading_the_feed_requires_read_permission(api: Api) -> None:
    reporter = await api.caller(scopes=("updates",))

    assert (await reporter.get("/v1/events")).status_code == 403
    assert (await api.client.get("/v1/events")).status_code == 401


async def test_the_feed_contains_no_tests_of_endpoints(shop: Caller) -> None:
    added = await shop.post("/v1/endpoints", {"url": "http://127.0.0.1:80/hook"})
    await shop.post(f"/v1/endpoints/{added.json()['id']}/test", {"status": "delivered"})

    assert (await page(shop))["items"] == []


async def test_a_waiting_caller_holds_no_connection_and_is_woken_by_writes_of_this_process(
    api: Api, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "POLL_SECONDS", 3_600.0)  # only the hint can wake it
    intake = api.parts.intake
    waiting = [asyncio.create_task(page(shop, wait=60)) for _ in range(6)]  # the pool has two connections
    async with asyncio.timeout(20):
        while intake.arrivals.listeners(shop.account) < 6:
            await asyncio.wait(waiting, timeout=0.01)
        other = await add_account(api.database)
        await intake.submit([reporting(other, "A1", scan(8))])
        assert not any(task.done() for task in waiting)
        await intake.submit([reporting(shop.account, "A1", scan(8))])
        found = await asyncio.gather(*waiting)

    assert [[one["sequence"] for one in answer["items"]] for answer in found] == [[1]] * 6
    assert intake.arrivals.listeners(shop.account) == 0


async def test_waiting_calls_are_limited_per_account_without_affecting_others(
    api: Api, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_WAITING", 2)
    arrivals, other = api.parts.intake.arrivals, await api.caller()
    waiting = [asyncio.create_task(page(shop, wait=60)) for _ in range(2)]
    async with asyncio.timeout(20):
        while arrivals.listeners(shop.account) < 2:
            await asyncio.wait(waiting, timeout=0.01)
        refused = await shop.get("/v1/events", params={"wait": 1})
        at_once, others = await page(shop), await page(other, wait=1)
        arrivals.end()
        await asyncio.gather(*waiting)

    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429,
        "too_many_requests",
        "1",
    )
    assert at_once["items"] == others["items"] == []


async def test_writes_of_other_processes_are_found_by_polling(
    api: Api, shop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "POLL_SECONDS", 0.05)
    waiting = asyncio.create_task(page(shop, wait=60))

    await report(api, shop.account, "A1", 8)  # past the intake of this process

    assert len((await asyncio.wait_for(waiting, 20))["items"]) == 1


async def test_a_wait_ends_empty_and_at_once_when_the_server_stops(api: Api, shop: Caller) -> None:
    assert (await page(shop, wait=1))["items"] == []
    waiting = asyncio.create_task(page(shop, wait=60))

    async with asyncio.timeout(20):
        while not api.parts.intake.arrivals.listeners(shop.account):
            await asyncio.wait([waiting], timeout=0.01)
        api.parts.intake.arrivals.end()

        assert (await waiting)["items"] == []


async def test_a_late_commit_is_neither_skipped_nor_returned_early(database: Database) -> None:
    account = await add_account(database)
    async with database.engine.acquire() as late, database.engine.acquire() as quick:
        stalled = late.transaction()
        await stalled.start()
        await write(late, [reporting(account, "LATE", scan(8))], frozenset())
        async with transaction(quick):
            await write(quick, [reporting(account, "QUICK", scan(8))], frozenset())

        async with database.serving.acquire() as session:
            meanwhile = await events_after(session, account, BEGINNING, 10)
            await stalled.commit()
            after = await events_after(session, account, BEGINNING, 10)

    assert meanwhile == []
    assert [row.tracking_number for row in after] == ["LATE", "QUICK"]


async def test_writers_that_stall_before_their_commit_lose_and_repeat_nothing(database: Database) -> None:
    """Five writers stall at random between making ids and committing, while three read to the end."""
    account = await add_account(database)
    writers, each = 5, 12
    done = asyncio.Event()

    async def write_event(request: Request, stall: float) -> None:
        while True:
            with suppress(*REPEATABLE):  # another writer has registered the parcel meanwhile
                async with database.engine.acquire() as session, transaction(session):
                    await write(session, [request], frozenset())
                    await session.execute("select pg_sleep($1::float8)", stall)
                return

    async def write_events(number: int) -> None:
        for hour in range(each):
            request = reporting(account, f"P{(number + hour) % 4}", scan(hour, detail=f"{number}"))
            await write_event(request, stall=(number * 7 + hour * 3) % 5 * 0.01)

    async def read() -> list[UUID]:
        seen: list[UUID] = []
        while True:
            last = done.is_set()
            async with database.engine.acquire() as session:
                rows = await events_after(session, account, seen[-1] if seen else BEGINNING, 5)
            seen += [row.id for row in rows]
            if last and not rows:
                return seen

    async def write_all() -> None:
        await asyncio.gather(*(write_events(number) for number in range(writers)))
        done.set()

    *readers, _ = await asyncio.gather(read(), read(), read(), write_all())

    written = [row["id"] for row in await database.serving.fetch("select id from event order by id")]
    assert len(written) == writers * each
    assert readers == [written, written, written]
