"""A database is moved while updates arrive: what was accepted is in the new one, and the old one takes no more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from tests.support.api import Api, Caller
from tests.support.databases import empty, named
from tests.support.embedded import ignore, open_place, running
from waypost.app.moving import move, stay
from waypost.settings import Settings
from waypost.store import installation
from waypost.store.backups.freezing import close_to_writes, open_to_writes
from waypost.store.backups.manifest import BackupError
from waypost.store.connecting import CannotConnect, open_database
from waypost.store.database import Access

KEY = "a secret key of sixteen characters or more"
AT_LEAST = 20


def settings(**given: Any) -> Settings:
    return Settings.model_construct(**{"database_url": None, "secret_key": SecretStr(KEY), **given})


@pytest.fixture
async def old(api: Api, server_dsn: str) -> AsyncIterator[Settings]:
    """The settings of the shop's database, which is open to writes again at the end."""
    async with api.database.engine.acquire() as session:
        await installation.check_secret_key(session, KEY, came_from="the test")
        name = await session.fetchval("select current_database()")
    url = named(server_dsn, name)
    yield settings(database_url=SecretStr(url))
    await open_to_writes(url)


class Reporter:
    """Reports one parcel after the other, and knows which were accepted."""

    def __init__(self, shop: Caller) -> None:
        self._shop = shop
        self.accepted: list[str] = []
        self.refused: set[int] = set()
        self.enough = asyncio.Event()

    async def report(self, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            update = {"tracking_number": f"A{number}", "courier_code": "dhl", "create": True, "checkpoints": []}
            answer = await self._shop.post("/v1/updates", {"updates": [update]})
            if answer.status_code == 200:
                self.accepted.append(f"A{number}")
            else:
                self.refused.add(answer.status_code)
            if len(self.accepted) >= AT_LEAST:
                self.enough.set()


async def numbers(url: str) -> set[str]:
    session = await asyncpg.connect(url)
    try:
        return {row["tracking_number"] for row in await session.fetch("select tracking_number from tracking")}
    finally:
        await session.close()


async def test_nothing_accepted_is_lost_and_the_old_database_takes_no_more(
    shop: Caller, old: Settings, server_dsn: str
) -> None:
    reporter, stop = Reporter(shop), asyncio.Event()
    async with empty(server_dsn) as name:
        target = named(server_dsn, name)
        reporting = asyncio.create_task(reporter.report(stop))
        await reporter.enough.wait()
        made = await move(old, settings(database_url=SecretStr(target)), ignore)
        stop.set()
        await reporting
        moved = await numbers(target)

    assert moved == set(reporter.accepted)
    assert made.rows["tracking"] == len(moved) >= AT_LEAST
    assert reporter.refused <= {503}
    assert (await shop.post("/v1/updates", {"updates": []})).status_code in (422, 503)
    assert old.database_url is not None
    with pytest.raises(CannotConnect, match="was moved elsewhere"):
        await open_database(Access(old.database_url.get_secret_value()))


async def test_a_session_that_ends_on_its_own_meanwhile_is_not_waited_for(old: Settings) -> None:
    assert old.database_url is not None
    url = old.database_url.get_secret_value()
    sessions = [await asyncpg.connect(url) for _ in range(24)]

    def end_all(_: object) -> None:
        for session in sessions:
            session.terminate()

    for session in sessions:
        session.add_termination_listener(end_all)

    await close_to_writes(url)

    with pytest.raises(CannotConnect, match="was moved elsewhere"):
        await open_database(Access(url))


async def test_a_server_database_becomes_an_embedded_one_with_its_key(shop: Caller, old: Settings) -> None:
    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": []}
    await shop.post("/v1/updates", {"updates": [update]})
    with open_place() as place:
        await move(old, settings(data_dir=place / "data", secret_key=None), ignore)

        assert (place / "data" / "secret.key").read_text() == f"{KEY}\n"
        async with running(place / "data") as server:
            assert await numbers(server.dsn) == {"A1"}


async def test_a_move_that_fails_leaves_the_old_database_open(shop: Caller, old: Settings, tmp_path: Path) -> None:
    (tmp_path / "used").touch()

    with pytest.raises(BackupError, match="is not empty"):
        await move(old, settings(data_dir=tmp_path), ignore)

    update = {"tracking_number": "A1", "courier_code": "dhl", "create": True, "checkpoints": []}
    assert (await shop.post("/v1/updates", {"updates": [update]})).status_code == 200


async def test_a_database_that_was_closed_is_opened_again_on_demand(old: Settings) -> None:
    assert old.database_url is not None
    url = old.database_url.get_secret_value()
    await close_to_writes(url)
    with pytest.raises(CannotConnect):
        await open_database(Access(url))

    await stay(old, ignore)

    await (await open_database(Access(url))).close()
