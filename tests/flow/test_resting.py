"""At rest, a server and its PostgreSQL do less; work, also what began before, ends that."""

import asyncio

import pytest

from tests.support.databases import add_account
from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost import rest
from waypost.actions import alerts
from waypost.actions.actor import operator
from waypost.actions.alerts import NewChannel
from waypost.actions.refusals import present
from waypost.app import memory, resting
from waypost.app.alert_channels import Alerting
from waypost.app.resting import Resting
from waypost.app.storage import wake_others
from waypost.domain import ids
from waypost.store import hints
from waypost.store.database import Database
from waypost.store.hints import Hint
from waypost.store.statements import SENT
from waypost.store.vault import Vault

BUSY = 1_000_000


async def until_the_pause_is(database: Database, pause: str) -> None:
    """Wait until sessions have read how long autovacuum pauses."""
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        while await database.serving.fetchval("show autovacuum_naptime") != pause:
            pass


async def test_autovacuum_looks_rarely_at_rest_and_often_as_soon_as_there_is_work(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Resting(database)
    await one.look()
    await until_the_pause_is(database, "5s")

    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 0.0)
    await one.look()
    await until_the_pause_is(database, "1min")

    monkeypatch.setattr(resting, "SENT", SENT.__class__(claim=BUSY))  # a backlog: nothing comes in, but much is sent
    await one.look()
    await until_the_pause_is(database, "5s")


async def test_memory_is_given_back_at_rest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[None] = []
    monkeypatch.setattr(memory, "give_back", lambda: given.append(None))
    one = Resting(None)
    await one.look()
    assert len(given) == 0

    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 0.0)
    await one.look()

    assert len(given) == 1


async def test_a_command_that_ends_wakes_whoever_rests(database: Database) -> None:
    heard: asyncio.Queue[Hint] = asyncio.Queue()
    async with database.holding.acquire() as session, hints.listening(session, heard.put_nowait):
        await wake_others(database)

        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            assert (await heard.get()).all


async def test_a_test_alert_wakes_whoever_sends_it(database: Database) -> None:
    context = Alerting(database=database, vault=Vault("a key"), check_url=lambda _: None, test_seconds=0.0)
    actor = operator(await add_account(database))
    target = {"url": "https://shop.example/alerts"}
    channel, _ = await alerts.add(context, actor, NewChannel(service="slack", target=target))
    heard: asyncio.Queue[Hint] = asyncio.Queue()
    async with database.holding.acquire() as session, hints.listening(session, heard.put_nowait):
        await alerts.send_test(context, actor, present(ids.from_text(ids.ALERT_CHANNEL, channel.id)))

        async with asyncio.timeout(HANGS_AFTER_SECONDS):
            assert await heard.get() == Hint()
