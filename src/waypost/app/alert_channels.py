"""What a command needs to manage alert channels."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from waypost.actions.rooms import Rooms
from waypost.app.sending import make_guard
from waypost.app.storage import Progress, migrated_database, secret_key
from waypost.domain.targets import ForbiddenUrl
from waypost.settings import Settings
from waypost.store.database import Database
from waypost.store.vault import Vault

TEST_SECONDS = 20.0
_OWN_ENVIRONMENT = (
    "This command reads it from its own environment or waypost.toml: give it the server's value, or add the channel"
    " under Settings > Alerts."
)


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
        yield Alerting(database=database, vault=vault, check_url=_checking(settings))


def _checking(settings: Settings) -> Callable[[str], None]:
    """Return the server's check of URLs, by the settings of this command, which may not be the server's."""
    guard = make_guard(settings)

    def check(url: str) -> None:
        try:
            guard.check(url)
        except ForbiddenUrl as error:
            if "WAYPOST_EGRESS" not in error.message:
                raise
            reason = error.message.replace("the server's ", "").removesuffix(".")
            raise ForbiddenUrl(f"{reason}. {_OWN_ENVIRONMENT}") from None

    return check
