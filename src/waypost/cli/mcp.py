"""``waypost mcp``: a server of the Model Context Protocol for AI assistants."""

import os
from typing import Annotated

from cyclopts import Parameter

from waypost.cli.assisting.server import make_server
from waypost.cli.remote import DEFAULT_URL, Remote
from waypost.domain.errors import InvalidInput


def mcp(
    *,
    allow_writes: Annotated[
        bool, Parameter(negative="", help="Also offer the tool that registers parcels, if the key has the permission.")
    ] = False,
) -> None:
    """Let an AI assistant look up parcels and explain webhooks, over standard input and output.

    The assistant's program starts it. It calls a running server with the API key in WAYPOST_API_KEY, at the URL in
    WAYPOST_URL (http://127.0.0.1:8080 by default), and can do only what that key can do. Without --allow-writes it
    changes nothing. Needs `pip install "waypost[mcp]"`.
    """
    # Not options: other users of a machine see those.
    key = os.environ.get("WAYPOST_API_KEY")
    if not key:
        raise InvalidInput("WAYPOST_API_KEY", "is missing: set it in the environment of the command")
    remote = Remote(os.environ.get("WAYPOST_URL") or DEFAULT_URL, key)
    make_server(remote, writes=allow_writes).run("stdio")
