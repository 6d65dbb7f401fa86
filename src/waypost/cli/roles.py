"""``waypost web``, ``dispatch``, ``poll`` and ``keep``: one role in a process, in as many processes as you need.

They work on the database of a URL, or beside a ``waypost serve`` on its data directory.
"""

from typing import Annotated

import uvloop
from cyclopts import Parameter

from waypost.app.roles import Role
from waypost.app.starting import run
from waypost.cli.options import DatabaseUrl, DataDir, chosen_for_server, progress

Host = Annotated[str | None, Parameter(help="The address to listen on. Default: 127.0.0.1.")]
WebPort = Annotated[int | None, Parameter(help="The port to listen on, 0 for a free one. Default: 8080.")]
Port = Annotated[
    int | None,
    Parameter(help="The port for GET /health/ready and /metrics, 0 for a free one. Default: none."),
]


def web(*, host: Host = None, port: WebPort = None, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Serve the API and the pages. Dispatchers of other processes are notified of due deliveries."""
    settings = chosen_for_server(host=host, port=port, data_dir=data_dir, database_url=database_url)
    uvloop.run(run(settings, Role.WEB, (settings.host, settings.port), announce=progress))


def dispatch(
    *, host: Host = None, port: Port = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Send deliveries, in child processes. On SIGTERM, attempts in flight finish within 20 seconds."""
    _work(Role.DISPATCH, host, port, data_dir, database_url)


def poll(*, host: Host = None, port: Port = None, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Poll carriers for parcels."""
    _work(Role.POLL, host, port, data_dir, database_url)


def keep(*, host: Host = None, port: Port = None, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Run the housekeeping: partitions, retention, expiry."""
    _work(Role.KEEP, host, port, data_dir, database_url)


def _work(role: Role, host: Host, port: Port, data_dir: DataDir, database_url: DatabaseUrl) -> None:
    settings = chosen_for_server(host=host, data_dir=data_dir, database_url=database_url)
    listen = None if port is None else (settings.host, port)
    uvloop.run(run(settings, role, listen, announce=progress))
