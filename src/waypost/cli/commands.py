"""The server's commands: name, module and summary."""

from typing import Final

from cyclopts import App

from waypost.cli.verify import SUMMARY
from waypost.cli.version import version_line

COMMANDS: Final = (
    (
        "serve",
        "waypost.cli.serve:serve",
        (
            "Run the server: API, pages, carriers, dispatch and housekeeping, and an embedded PostgreSQL unless a "
            "database URL is set.\n\n"
            "It is ready when GET /health/ready returns 200, and stops cleanly on SIGTERM or Ctrl-C."
        ),
    ),
    ("web", "waypost.cli.roles:web", "Run only the API and the pages."),
    ("dispatch", "waypost.cli.roles:dispatch", "Run only the dispatcher, which sends deliveries."),
    ("poll", "waypost.cli.roles:poll", "Run only the poller, which polls carriers for parcels."),
    ("keep", "waypost.cli.roles:keep", "Run only the keeper: partitions, retention, expiry."),
    (
        "migrate",
        "waypost.cli.migrate:migrate",
        "Migrate the database to this version. `serve` does this automatically for its embedded PostgreSQL.",
    ),
    (
        "doctor",
        "waypost.cli.doctor:doctor",
        (
            "Check the installation, running or not, and report problems and remedies. Changes nothing, sends "
            "nothing.\n\n"
            "It reads settings from its own environment and `waypost.toml`, so run it with those of the server. It "
            "connects to the endpoints' servers to read when their certificates expire. Exits with status 1 if there "
            "are errors, and with 0 if there are only warnings."
        ),
    ),
    (
        "backup",
        "waypost.cli.backup:backup",
        (
            "Back up the installation, running or not, into a new folder.\n\n"
            "The copy is a consistent snapshot. It is checked by restoring it into a scratch database in the folder "
            "for temporary files (TMPDIR), which needs as much space as the database; --no-check skips that. It runs "
            "at the lowest priority and rests most of the time while the server is busy, so that deliveries are not "
            "delayed; --fast turns that off."
        ),
    ),
    (
        "restore",
        "waypost.cli.backup:restore",
        (
            "Create an installation from a backup: in a new data directory, or in an empty database.\n\n"
            "Deliveries that were waiting when the backup was made are sent as soon as the server starts."
        ),
    ),
    (
        "move-database",
        "waypost.cli.move_database:move_database",
        (
            "Move an installation from its database (--data-dir or --database-url) into another one.\n\n"
            "Servers may keep running: they stop sending, and answer 503, so clients try again. Afterwards stop them "
            "and start them with the new database. The old one stays closed to writes, so nobody uses it by mistake."
        ),
    ),
    ("account", "waypost.cli.account:APPLICATION", "Create, list and delete accounts, and set their quotas."),
    ("apikey", "waypost.cli.apikey:APPLICATION", "Create, list and revoke the API keys of an account."),
    (
        "connections",
        "waypost.cli.connections:APPLICATION",
        "Connect carriers for an account, and show the state of each connection.",
    ),
    (
        "incidents",
        "waypost.cli.incidents:incidents",
        (
            "List what is wrong: the open incidents of the installation, or of one account.\n\n"
            "Incidents of the installation are a nearly full disk, no running dispatcher, missing partitions, a "
            "blocked event loop, an old backup, rejected shared connections, and deliveries that break the guarantee "
            "that nothing is dropped."
        ),
    ),
    (
        "alerts",
        "waypost.cli.alerts:APPLICATION",
        "List, add, change, test and delete the alert channels of an account.",
    ),
    ("audit", "waypost.cli.audit:APPLICATION", "Inspect an account's audit log."),
    ("trackings", "waypost.cli.trackings:APPLICATION", "Import and export an account's parcels as CSV files."),
    (
        "listen",
        "waypost.cli.listen:listen",
        (
            "Show an account's events as they arrive, and forward them to a local program.\n\n"
            "No public URL is needed: events are fetched, including those that arrived while it was not running. "
            "Each is signed and sent as it would be to an endpoint. If the program can't be reached, the command waits "
            "for it; press r to send the last event again."
        ),
    ),
    (
        "trigger",
        "waypost.cli.trigger:trigger",
        (
            "Send a test event to an endpoint and show the result.\n\n"
            "It belongs to no parcel, carries `waypost-test: true`, and is never retried. Exits with status 0 if the "
            "endpoint accepted it, otherwise with 1."
        ),
    ),
    (
        "verify",
        "waypost.cli.verify:verify",  # for the list alone: `main` runs it without this module
        SUMMARY,
    ),
    (
        "mcp",
        "waypost.cli.mcp:mcp",
        (
            "Let an AI assistant look up parcels and explain webhooks, over standard input and output.\n\n"
            "The assistant's program starts it. It calls a running server with the API key in WAYPOST_API_KEY, at the "
            "URL in WAYPOST_URL (http://127.0.0.1:8080 by default), and can do only what that key can do. Without "
            '--allow-writes it changes nothing. Needs `pip install "waypost[mcp]"`.'
        ),
    ),
    ("user", "waypost.cli.user:APPLICATION", "Manage web users: create, list, reset passwords, issue login links."),
)


def make_application() -> App:
    """Return the tree of commands, by name: each loads its modules when it runs, because the server's take long."""
    application = App(
        name="waypost",
        help="A self-hosted server for shipment-tracking webhooks.",
        version=version_line,
        result_action="return_value",
    )
    for name, target, summary in COMMANDS:
        application.command(target, name=name, help=summary)
    return application
