"""An installation to back up, without a server: two parcels, an endpoint and what waits for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.flow.test_intake import reporting, scan
from tests.support.databases import add_account, add_endpoint, named
from tests.support.embedded import ignore, open_place
from waypost.app.backing_up import back_up
from waypost.intake.batch import write
from waypost.settings import Settings
from waypost.store import installation
from waypost.store.backups.rhythm import Rhythm, Share
from waypost.store.backups.writing import count_rows
from waypost.store.database import Database

KEY = "a secret key of sixteen characters or more"


@dataclass(frozen=True)
class Shop:
    """An installation with two parcels, an endpoint and what waits for it, and a folder for its backups."""

    database: Database
    dsn: str
    place: Path

    def settings(self, **others: object) -> Settings:
        given: dict[str, Any] = {"database_url": SecretStr(self.dsn), "secret_key": SecretStr(KEY)} | others
        return Settings.model_construct(**given)

    async def back_up(self, name: str = "backup", *, with_key: bool = True, check: bool = False) -> Path:
        await back_up(self.settings(), self.place / name, with_key=with_key, check=check, progress=ignore)
        return self.place / name

    async def rows(self) -> dict[str, int]:
        async with self.database.unhurried() as session:
            return await count_rows(session, Rhythm(), Share.CHECKING)


@asynccontextmanager
async def a_shop(database: Database, server_dsn: str) -> AsyncIterator[Shop]:
    account = await add_account(database)
    await add_endpoint(database, account)
    async with database.engine.acquire() as session:
        async with session.transaction():
            await write(
                session, [reporting(account, name, scan(hour)) for name in "AB" for hour in (8, 9)], frozenset()
            )
        await installation.check_secret_key(session, KEY, came_from="the test")
        name = await session.fetchval("select current_database()")
    with open_place() as place:
        yield Shop(database, named(server_dsn, name), place)
