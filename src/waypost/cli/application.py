"""Finds the command that was typed, runs it, and says in one sentence what can't be done."""

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from cyclopts import App, CycloptsError

from waypost.app.running import ServerEnded
from waypost.app.server import CannotListen
from waypost.app.storage import NotMigrated
from waypost.cli import account, migrate, serve, user
from waypost.domain.errors import InvalidInput
from waypost.settings import SettingsError, unknown_variables
from waypost.store.accounts import AccountExists
from waypost.store.connecting import CannotConnect
from waypost.store.database import UnsafeServer
from waypost.store.embedded import EmbeddedPostgresError
from waypost.store.installation import WrongSecretKey
from waypost.store.migrations import MigrationError

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
EXPECTED: Final = (
    AccountExists,
    CannotConnect,
    CannotListen,
    EmbeddedPostgresError,
    InvalidInput,
    MigrationError,
    NotMigrated,
    ServerEnded,
    UnsafeServer,
    WrongSecretKey,
)
"""What a person can mend; anything else is our fault and shows its traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    for line in unknown_variables(os.environ):
        say(line)
    try:
        make_application()(arguments, print_error=True, exit_on_error=False)
    except CycloptsError:
        return WRONG_USAGE
    except SettingsError as error:
        for problem in error.problems:
            say(problem)
        return WRONG_USAGE
    except EXPECTED as error:
        say(str(error))
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        return FAILED
    return DONE


def make_application() -> App:
    """Give the tree of commands."""
    application = App(
        name="waypost",
        help="A self-hosted server for shipment-tracking webhooks.",
        version=version("waypost"),
        result_action="return_value",
    )
    application.command(serve.serve)
    application.command(migrate.migrate)
    application.command(account.APPLICATION)
    application.command(user.APPLICATION)
    return application


def say(line: str) -> None:
    """Tell the person at the terminal one thing, on standard error."""
    print(f"waypost: {line}", file=sys.stderr)  # noqa: T201 - this is where people are spoken to
