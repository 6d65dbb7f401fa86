"""Finds the command that was typed, runs it, and says in one sentence what can't be done."""

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from cyclopts import App, CycloptsError

from waypost.app.errors import CannotListen, ServerEnded, Unwell
from waypost.app.storage import NothingToJoin, NotMigrated
from waypost.domain.errors import InvalidInput
from waypost.settings import SettingsError, unknown_variables
from waypost.store.accounts import AccountExists
from waypost.store.connecting import CannotConnect
from waypost.store.database import UnsafeServer
from waypost.store.embedded.server import EmbeddedPostgresError
from waypost.store.installation import WrongSecretKey
from waypost.store.migration_files import MigrationError

DONE: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
COMMANDS: Final = (
    (
        "serve",
        "waypost.cli.serve:serve",
        (
            "Run the server: API, pages, carriers, dispatch and housekeeping, and PostgreSQL unless there is one.\n\n"
            "It is ready when GET /health/ready answers 200, and stops cleanly on SIGTERM or Ctrl-C."
        ),
    ),
    ("web", "waypost.cli.roles:web", "Run a part of the server by itself: API and pages."),
    ("dispatch", "waypost.cli.roles:dispatch", "Run a part of the server by itself: send deliveries."),
    ("poll", "waypost.cli.roles:poll", "Run a part of the server by itself: ask carriers for parcels."),
    ("keep", "waypost.cli.roles:keep", "Run a part of the server by itself: partitions, retention, expiry."),
    (
        "migrate",
        "waypost.cli.migrate:migrate",
        "Bring the database's tables up to date; `serve` does it by itself on its own PostgreSQL.",
    ),
    (
        "doctor",
        "waypost.cli.doctor:doctor",
        "Look the installation over, running or not, and say what is wrong and what to do; changes nothing.",
    ),
    ("account", "waypost.cli.account:APPLICATION", "Create accounts."),
    ("apikey", "waypost.cli.apikey:APPLICATION", "Create, list and revoke the API keys of an account."),
    ("audit", "waypost.cli.audit:APPLICATION", "Look through the log of who did what in an account."),
    ("trackings", "waypost.cli.trackings:APPLICATION", "Import and export an account's parcels as CSV files."),
    (
        "listen",
        "waypost.cli.listen:listen",
        (
            "Show an account's events as they come, and post them to a local program.\n\n"
            "No public URL is needed: events are fetched, also those that came while this did not run. Each is signed "
            "and sent as an endpoint would get it. A program that is not there is waited for; press r to "
            "send the last event again."
        ),
    ),
    (
        "trigger",
        "waypost.cli.trigger:trigger",
        (
            "Send a test event to an endpoint and say what came of it.\n\n"
            "It is no parcel's event, carries `waypost-test: true`, and is never sent again. Ends with 0 if the "
            "endpoint took it, else with 1."
        ),
    ),
    (
        "verify",
        "waypost.cli.verify:verify",
        (
            "Explain a captured webhook: what is right, what is wrong, and why.\n\n"
            "Every signature is checked to its end, also when it is old. Nothing is sent anywhere. Ends with 0 if "
            "all is right, else with 1."
        ),
    ),
    ("user", "waypost.cli.user:APPLICATION", "Create those who log in to the pages, and let them in again."),
)
"""The commands: name, where it is found, what it does."""

EXPECTED: Final = (
    AccountExists,
    CannotConnect,
    CannotListen,
    EmbeddedPostgresError,
    InvalidInput,
    MigrationError,
    NotMigrated,
    NothingToJoin,
    ServerEnded,
    UnsafeServer,
    Unwell,
    WrongSecretKey,
)
"""What a person can mend; anything else is our fault and shows its traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code."""
    for line in unknown_variables(os.environ):
        say(line)
    try:
        code = make_application()(arguments, print_error=True, exit_on_error=False)
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
    return code if isinstance(code, int) else DONE


def make_application() -> App:
    """Give the tree of commands."""
    application = App(
        name="waypost",
        help="A self-hosted server for shipment-tracking webhooks.",
        version=version("waypost"),
        result_action="return_value",
    )
    # By name: a command loads what it needs when it runs, and the server is much.
    for name, target, summary in COMMANDS:
        application.command(target, name=name, help=summary)
    return application


def say(line: str) -> None:
    """Tell the person at the terminal one thing, on standard error."""
    print(f"waypost: {line}", file=sys.stderr)  # noqa: T201 - this is where people are spoken to
