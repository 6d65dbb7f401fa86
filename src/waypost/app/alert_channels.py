"""What a command needs to manage alert channels."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from waypost.actions.rooms import Rooms
from waypost.app.sending import make_guard
from waypost.app.storage import Progress, migrated_database, secret_key, wake_others
from waypost.settings import Settings
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.vault import Vault

TEST_SECONDS = 20.0
WAKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """An ``AlertContext``."""

    database: Database
    vault: Vault
    check_url: Callable[[str], None]
    test_seconds: float = TEST_SECONDS
    rooms: Rooms = field(default_factory=Rooms)


@asynccontextmanager
async def alert_channels(settings: Settings, progress: Progress) -> AsyncIterator[Alerting]:
    """Yield the context for a short command. Raise NotMigrated or WrongSecretKey."""
    async with migrated_database(settings, progress) as database:
        vault = Vault(await secret_key(settings, database))
        waking = asyncio.create_task(_keep_awake(database))
        try:
            yield Alerting(database=database, vault=vault, check_url=make_guard(settings).check)
        finally:
            await end(waking)


async def _keep_awake(database: Database) -> None:
    """Have the server send a test that the command waits for."""
    while True:
        await asyncio.sleep(WAKE_SECONDS)
        await wake_others(database)
