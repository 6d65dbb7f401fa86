"""A failing endpoint says when its next probe is, and a person can probe it at once."""

import asyncio
import dataclasses
from datetime import timedelta
from uuid import UUID

import pytest

from tests.flow.test_dispatch import Way, running
from tests.flow.test_isolation import failing_first, opened, report
from tests.support.api import Api, Caller
from tests.support.receiver import HANGS_AFTER_SECONDS, always, answering, receiving
from waypost.actions import endpoint_probes, endpoints
from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.refusals import Conflict, NotFound
from waypost.domain.breaker import OPENS_AFTER
from waypost.domain.retry import Policy
from waypost.store.database import Database
from waypost.store.endpoints import EndpointRow

SLOW = Policy(base_seconds=3600)
"""Nothing that failed is due again during a test, and a breaker stays open for minutes."""


@pytest.fixture
def context(api: Api) -> Context:
    return dataclasses.replace(api.parts, test_seconds=HANGS_AFTER_SECONDS)


@pytest.fixture
def actor(shop: Caller) -> Actor:
    return Actor(shop.account, "somebody@example.com", None)


async def paused(context: Context, actor: Actor, endpoint: UUID) -> EndpointRow:
    """Return the endpoint as soon as its pause is written."""
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while (row := await endpoints.find(context, actor, endpoint)).paused_until is None:
            pass
    return row


async def test_a_paused_endpoint_shows_when_its_next_probe_is(api: Api, context: Context, actor: Actor) -> None:
    async with receiving(failing_first(OPENS_AFTER)) as receiver, running(Way(api.database, policy=SLOW)) as way:
        endpoint = await opened(way, actor.account, receiver)

        row = await paused(context, actor, endpoint)
        _, ended = await endpoint_probes.probe(context, actor, endpoint)

        assert row.paused_until is not None
        assert row.failing_since is not None
        assert timedelta(0) < row.paused_until - row.failing_since <= timedelta(seconds=660)
        assert ended
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while (row := await endpoints.find(context, actor, endpoint)).failing_since is not None:
                pass
        assert row.paused_until is None


async def test_a_probe_sends_the_next_delivery_whatever_the_breaker_says(
    api: Api, context: Context, actor: Actor
) -> None:
    async with receiving(failing_first(OPENS_AFTER)) as receiver, running(Way(api.database, policy=SLOW)) as way:
        endpoint = await opened(way, actor.account, receiver)
        await paused(context, actor, endpoint)

        row, ended = await endpoint_probes.probe(context, actor, endpoint)

        assert (row.state, ended) == ("delivered", True)
        assert len(receiver.requests) == OPENS_AFTER + 1


async def test_a_probe_brings_a_retry_forward_and_keeps_its_schedule(api: Api, context: Context, actor: Actor) -> None:
    async with receiving(always(answering(500))) as receiver, running(Way(api.database, policy=SLOW)) as way:
        endpoint = await way.add_endpoint(actor.account, receiver.url)
        await report(way, actor.account, 1)
        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            while not await way.outcomes():
                pass

        row, ended = await endpoint_probes.probe(context, actor, endpoint)

        assert (row.state, row.tries, ended) == (None, 2, True)
        assert row.next_at is not None
        assert row.next_at - (await clock(api.database)) > timedelta(seconds=3600)  # that of the second failure


async def clock(database: Database):
    return await database.serving.fetchval("select now()")


async def test_a_probe_needs_an_enabled_endpoint_with_something_to_send(
    api: Api, context: Context, actor: Actor
) -> None:
    way = Way(api.database)
    endpoint = await way.add_endpoint(actor.account, "http://127.0.0.1/hook")

    with pytest.raises(Conflict, match="No delivery is ready"):
        await endpoint_probes.probe(context, actor, endpoint)
    await endpoints.switch(context, actor, endpoint, on=False)
    with pytest.raises(Conflict, match="disabled"):
        await endpoint_probes.probe(context, actor, endpoint)
    other = await api.caller()
    with pytest.raises(NotFound):
        await endpoint_probes.probe(context, Actor(other.account, "x@example.com", None), endpoint)
