"""A shop outside the server's process, which records the webhooks it receives, how often and in which order."""

import json
import select
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

WAIT_SECONDS = 120


@dataclass
class Taken:
    """One webhook; ``endpoint`` is the path it was sent to."""

    endpoint: str
    event: str
    tracking_number: str
    sequence: int
    attempt: int
    signed_at: int


@dataclass
class Ledger:
    """What came, in the order of arrival. ``answer`` and ``slowness`` (seconds) may be changed while it runs."""

    url: str = ""
    answer: int = 200
    slowness: float = 0.0
    connections: set[socket.socket] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def events(self) -> set[str]:
        with self.changed:
            return {one.event for one in self.taken}

    def wait_for(self, events: set[str]) -> None:
        """Wait until each of these events came at least once."""
        with self.changed:
            came = self.changed.wait_for(lambda: events <= {one.event for one in self.taken}, WAIT_SECONDS)
            assert came, f"{len(events - {one.event for one in self.taken})} of {len(events)} never came"

    def wait_for_each(self, events: set[str], endpoints: Iterable[str]) -> None:
        """Wait until each of these events came to each of these endpoints at least once."""
        wanted = {(event, f"/{endpoint}") for event in events for endpoint in endpoints}
        with self.changed:
            came = self.changed.wait_for(
                lambda: wanted <= {(one.event, one.endpoint) for one in self.taken}, WAIT_SECONDS
            )
            assert came, (
                f"{len(wanted - {(one.event, one.endpoint) for one in self.taken})} of {len(wanted)} never came"
            )

    def wait_for_more(self, count: int) -> None:
        """Wait until this number of webhooks has arrived."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.taken) >= count, WAIT_SECONDS), (
                f"{len(self.taken)} of {count} came"
            )

    def wait_until_left(self) -> None:
        """Wait until all is taken that a server sent before it died."""
        # Whoever knocks is let in after all those who came before.
        with urlopen(self.url, timeout=WAIT_SECONDS):  # noqa: S310 - it is our own
            pass
        with self.changed:
            # The close of a dead process's connection is not always noticed: read what has arrived, and no more.
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            left = self.changed.wait_for(lambda: not self.connections, WAIT_SECONDS)
            assert left, f"{len(self.connections)} are connected"

    def out_of_order(self) -> list[str]:
        """Return the parcels for which a later event arrived before the first arrival of an earlier one."""
        with self.changed:
            highest: dict[tuple[str, str], int] = {}
            wrong = []
            for one in self.taken:
                queue = (one.endpoint, one.tracking_number)
                if one.sequence > highest.get(queue, 0) + 1:
                    wrong.append(one.tracking_number)
                highest[queue] = max(highest.get(queue, 0), one.sequence)
            return wrong


class Receiving(BaseHTTPRequestHandler):
    """Writes a webhook down, and answers it as its ledger says."""

    protocol_version = "HTTP/1.1"
    ledger: Ledger

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        """Answer who knocks."""
        self.close_connection = True
        self.send_response(204)
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        taken = Taken(
            self.path,
            self.headers["webhook-id"],
            body["data"]["tracking_number"],
            int(self.headers["waypost-sequence"]),
            int(self.headers["waypost-attempt"]),
            int(self.headers["webhook-timestamp"]),
        )
        with self.ledger.changed:
            if self.ledger.answer == 200:
                self.ledger.taken.append(taken)
            self.ledger.changed.notify_all()
        if self.ledger.slowness:  # until the sender has gone, who says nothing more before the answer
            select.select([self.connection], [], [], self.ledger.slowness)
        self.send_response(self.ledger.answer)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class Listening(ThreadingHTTPServer):
    """Takes webhooks, each connection in a thread of its own."""

    daemon_threads = True
    request_queue_size = 128
    ledger: Ledger

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count who comes in at once: its thread may take a while to begin."""
        with self.ledger.changed:
            self.ledger.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self.ledger.changed:
            self.ledger.connections.discard(request)
            self.ledger.changed.notify_all()

    def handle_error(self, *_: object) -> None:
        """Log nothing: the tests make servers die mid-request."""


@contextmanager
def keeping_ledger() -> Iterator[Ledger]:
    ledger = Ledger()
    server = Listening(("127.0.0.1", 0), type("Receiving", (Receiving,), {"ledger": ledger}))
    server.ledger = ledger
    ledger.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
