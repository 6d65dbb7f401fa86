"""The address that the server listens on, reserved from the start."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from waypost.app.errors import CannotListen


@contextmanager
def held_address(host: str, port: int) -> Iterator[tuple[str, int]]:
    """Yield the numeric address of a host and the port, or a free one for port 0. Raise CannotListen.

    Granian would share a port that another Waypost listens on (SO_REUSEPORT), so the port is first requested without
    that. It stays bound as long as the block lasts: a server takes seconds to start, in which the system would give a
    free port to somebody else.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        holding = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise CannotListen(_why(error, host, port)) from None
    with holding:
        try:
            holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holding.bind(address)
            found = holding.getsockname()
        except OSError as error:
            raise CannotListen(_why(error, host, port)) from None
        yield str(found[0]), int(found[1])


def _why(error: OSError | UnicodeError, host: str, port: int) -> str:
    match error:
        case socket.gaierror() | UnicodeError():
            return f"Unknown host {ascii(host)[1:-1]}: choose another --host."
        case PermissionError():
            return f"Port {port} is not allowed for this user: choose one above 1023 with --port."
        case OSError(errno=98 | 48):
            return f"Port {port} is already in use: stop the program that listens on it, or choose another with --port."
        case _:
            return f"{host} can't be listened on ({error.strerror}): choose another --host."
