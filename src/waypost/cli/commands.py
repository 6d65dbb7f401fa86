"""The commands of the server: name, where each is found, what it does."""

from typing import Final

from cyclopts import App

from waypost.cli.verify import SUMMARY
from waypost.cli.version import version_line

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
    (
        "connections",
        "waypost.cli.connections:APPLICATION",
        "Connect carriers for an account, and say how each connection does.",
    ),
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
        "waypost.cli.verify:verify",  # for the list alone: `main` runs it without this module
        SUMMARY,
    ),
    ("user", "waypost.cli.user:APPLICATION", "Create those who log in to the pages, and let them in again."),
)


def make_application() -> App:
    """Return the tree of commands. By name: a command loads what it needs when it runs, and the server is much."""
    application = App(
        name="waypost",
        help="A self-hosted server for shipment-tracking webhooks.",
        version=version_line,
        result_action="return_value",
    )
    for name, target, summary in COMMANDS:
        application.command(target, name=name, help=summary)
    return application
