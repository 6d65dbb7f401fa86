"""Free ports on loopback.

They are below the range for outgoing connections, so that no connection takes a port between its choice and its use.
"""

import random
import socket
from typing import Final

from examples.demo.failures import DemoFailed

_RANGE: Final = range(20_000, 30_000)
_TRIES: Final = 200


def free_port(besides: int | None = None) -> int:
    """Return a port that nobody listens on, other than ``besides``."""
    for port in random.sample(_RANGE, _TRIES):
        if port != besides and is_free(port):
            return port
    raise DemoFailed(f"No free port was found from {_RANGE.start} to {_RANGE.stop - 1}: end some programs first.")


def chosen_port(port: int) -> int:
    """Return the port in WAYPOST_DEMO_PORT, if it is free."""
    if is_free(port):
        return port
    raise DemoFailed(f"Port {port} is taken or not allowed: give another one, such as WAYPOST_DEMO_PORT={free_port()}.")


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
            server.listen()
        except OSError:
            return False
    return True
