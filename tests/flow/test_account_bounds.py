"""One account's attempts in flight cost other accounts nothing: lanes, tests and resends each have a limit.

Receivers end before the dispatcher does, which otherwise waits for the attempts that hang.
"""

from contextlib import AsyncExitStack
from http import HTTPStatus
from uuid import UUID, uuid4

import pytest

from tests.flow.test_dispatch import VAULT, Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.api import Api, Caller
from tests.support.databases import PLACE, add_account
from tests.support.receiver import HANG, OK, always, receiving
from waypost.dispatch import account_shares, manual_sends
from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.dispatcher import Dispatcher
from waypost.dispatch.lanes import IN_FLIGHT
from waypost.dispatch.run import Sender, SendSettings
from waypost.domain import concurrency
from waypost.domain.retry import Policy
from waypost.store import queue
from waypost.store.database import Database

TESTS = 300


def way_without_address_bound(database: Database) -> Way:
    """Let an address have any number of connections: here all of them are on loopback."""
    way = Way(database)
    settings = SendSettings("Waypost/test", Policy(base_seconds=3600))
    way.sender = Sender(way.guard, way.transport, VAULT, settings, AddressSlots(10_000))
    way.dispatcher = Dispatcher(database, way.sender, place=PLACE)
    return way


async def report(way: Way, account: UUID, count: int) -> None:
    await way.intake.submit([reporting(account, f"A{number:04}", scan(8)) for number in range(count)])


async def add_tests(database: Database, account: UUID, endpoint: UUID, count: int) -> None:
    async with database.serving.acquire() as session:
        for _ in range(count):
            random = uuid4().int >> 66, uuid4().int >> 66
            await queue.add_test(session, account, endpoint, sample="transit", random=random)


async def test_an_account_with_many_hanging_endpoints_gets_only_its_share_in_flight(database: Database) -> None:
    most = account_shares.IN_FLIGHT
    attacker, shop = await add_account(database), await add_account(database)
    async with (
        running(way_without_address_bound(database)) as way,
        receiving(always(HANG)) as dead,
        receiving() as healthy,
    ):
        for _ in range(most // IN_FLIGHT + 4):
            await way.add_endpoint(attacker, dead.url)
        await way.add_endpoint(shop, healthy.url)
        await report(way, attacker, IN_FLIGHT)
        await dead.received(most)

        await report(way, shop, 100)

        await healthy.received(100)
        assert len(dead.requests) == most


async def test_hundreds_of_tests_to_silent_receivers_delay_no_other_accounts_test(database: Database) -> None:
    attacker, shop = await add_account(database), await add_account(database)
    async with (
        running(way_without_address_bound(database)) as way,
        receiving(always(HANG)) as dead,
        receiving() as healthy,
    ):
        for _ in range(6):
            await add_tests(database, attacker, await way.add_endpoint(attacker, dead.url), TESTS // 6)
        way.dispatcher.hint_by_hand()
        await dead.received(manual_sends.MOST_OF_ACCOUNT)

        await add_tests(database, shop, await way.add_endpoint(shop, healthy.url), 1)
        way.dispatcher.hint_by_hand()

        await healthy.received(1)
        assert len(dead.requests) < manual_sends.MOST_OF_ACCOUNT + manual_sends.AT_ONCE


async def test_an_endpoint_with_hanging_tests_leaves_slots_for_the_accounts_others(database: Database) -> None:
    account = await add_account(database)
    async with running(Way(database)) as way, receiving(always(HANG)) as dead, receiving() as healthy:
        await add_tests(database, account, await way.add_endpoint(account, dead.url), TESTS)
        way.dispatcher.hint_by_hand()
        await dead.received(manual_sends.MOST_IN_FLIGHT)

        await add_tests(database, account, await way.add_endpoint(account, healthy.url), 1)
        way.dispatcher.hint_by_hand()

        await healthy.received(1)
        assert len(dead.requests) < 2 * manual_sends.MOST_IN_FLIGHT


async def test_a_fast_endpoint_gets_more_attempts_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUICK_SECONDS", "SLOW_SECONDS"):  # on a busy machine no answer might be quick
        monkeypatch.setattr(concurrency, name, 60.0)
    answered = 1_000
    account = await add_account(database)
    async with (
        running(way_without_address_bound(database)) as way,
        receiving(lambda number: OK if number <= answered else HANG) as receiver,
    ):
        await way.add_endpoint(account, receiver.url)

        await report(way, account, answered + 2 * concurrency.MOST)

        await receiver.received(answered + concurrency.MOST)


async def test_with_many_waiting_tests_an_accounts_next_is_rejected_and_another_accounts_is_not(
    api: Api, shop: Caller
) -> None:
    other = await api.caller()
    ids = [(await one.post("/v1/endpoints", {"url": "http://127.0.0.1/hook"})).json()["id"] for one in (shop, other)]
    async with AsyncExitStack() as waiting:
        for _ in range(16):
            await waiting.enter_async_context(api.parts.rooms.tests.hold(shop.account))

        refused, accepted = [
            await one.post(f"/v1/endpoints/{made}/test", {"status": "transit"})
            for one, made in zip((shop, other), ids, strict=True)
        ]

    assert (refused.status_code, refused.json()["code"]) == (HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests")
    assert "retry-after" in refused.headers
    assert accepted.status_code == HTTPStatus.ACCEPTED
    assert await api.database.serving.fetchval("select count(*) from due where sample is not null") == 1
