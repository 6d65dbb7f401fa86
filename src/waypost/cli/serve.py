"""``waypost serve``: run everything with one command."""

from typing import Annotated

import uvloop
from cyclopts import Parameter

from waypost.app.starting import serve as serve_all
from waypost.cli.options import DatabaseUrl, DataDir, chosen_for_server, progress
from waypost.settings import file_seen_by_others


def serve(
    *,
    host: Annotated[str | None, Parameter(help="The address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, Parameter(help="The port to listen on, 0 for a free one. Default: 8080.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the server: API, pages, carriers, dispatch and housekeeping, and an embedded PostgreSQL if needed.

    It is ready when GET /health/ready returns 200, and stops cleanly on SIGTERM or Ctrl-C.
    """
    settings = chosen_for_server(host=host, port=port, data_dir=data_dir, database_url=database_url)
    if (path := file_seen_by_others()) is not None:
        progress(f"Other users of this machine can read {path}: run `chmod 600 {path}`")
    uvloop.run(serve_all(settings, announce=progress))
