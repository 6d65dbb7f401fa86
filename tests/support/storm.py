"""A receiver in a process of its own that sends interim responses without end, as fast as they are taken.

Run as ``python -m tests.support.storm ADDRESS``; it prints its port, then a line for each request that it storms.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE = b"HTTP/1.1 100 Continue\r\n\r\n" * 400


@contextmanager
def storming(address: str) -> Iterator[subprocess.Popen[str]]:
    """Yield the process; its first line of output is its port."""
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.support.storm", address), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def storm(connection: socket.socket) -> None:
    with connection, suppress(OSError):
        connection.recv(65_536)
        tell("storm")
        while True:
            connection.sendall(PIECE)


def main(address: str) -> None:
    with socket.create_server((address, 0)) as listening:
        tell(str(listening.getsockname()[1]))
        while True:
            threading.Thread(target=storm, args=[listening.accept()[0]], daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1])
