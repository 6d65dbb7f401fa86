"""A payload that an endpoint rejects must not delay its parcel for days, nor may an outage break the order."""

import asyncio
from itertools import count
from uuid import UUID

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS, OK, Received, always, answering, receiving
from waypost.domain.retry import Policy
from waypost.store.database import Database


@pytest.fixture
async def account(database: Database) -> UUID:
    return await add_account(database)


def is_first_of_a1(request: Received) -> bool:
    return b'"A1"' in request.body and request.headers["waypost-sequence"] == "1"


def is_second_of_a1(request: Received) -> bool:
    return b'"A1"' in request.body and request.headers["waypost-sequence"] == "2"


async def ends_of_a1(database: Database) -> list[tuple[str, str, int]]:
    """Return how the first event of A1 ended, if it did."""
    rows = await database.serving.fetch(
        "select s.state, s.reason, s.tries from settled s join tracking t on t.id = s.tracking"
        " where t.tracking_number = 'A1' and s.sequence = 1"
    )
    return [tuple(row) for row in rows]


async def test_a_payload_rejected_by_a_healthy_endpoint_gives_way(database: Database, account: UUID) -> None:
    async with (
        running(Way(database, policy=Policy(base_seconds=0.05))) as way,
        receiving(lambda _: answering(500) if is_first_of_a1(receiver.requests[-1]) else OK) as receiver,
    ):
        await way.add_endpoint(account, receiver.url)
        await way.intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9)])

        numbers = count(2)
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not (ends := await ends_of_a1(database)):
                await way.intake.submit([reporting(account, f"A{next(numbers)}", scan(8))])

        assert ends == [("superseded", "newer_event", 6)]
        await receiver.until(lambda: any(is_second_of_a1(request) for request in receiver.requests))


async def test_while_an_endpoint_is_down_everything_waits_in_order(database: Database, account: UUID) -> None:
    async with (
        running(Way(database, policy=Policy(base_seconds=0.01))) as way,
        receiving(always(answering(500))) as receiver,
    ):
        await way.add_endpoint(account, receiver.url)
        await way.intake.submit([reporting(account, "A1", scan(hour)) for hour in (8, 9)])

        requests = await receiver.received(8)

    assert {request.headers["waypost-sequence"] for request in requests} == {"1"}
