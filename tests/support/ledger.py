"""A shop outside the server's process: it takes webhooks and writes down which came, how often and in which order."""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT_SECONDS = 60


@dataclass
class Taken:
    """One webhook; ``endpoint`` is the path it was sent to."""

    endpoint: str
    event: str
    tracking_number: str
    sequence: int
    attempt: int


@dataclass
class Ledger:
    """What came, in the order of arrival. ``answer`` may be changed while it runs."""

    url: str = ""
    answer: int = 200
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

    def out_of_order(self) -> list[str]:
        """Give the parcels of which a later event came before the first time of an earlier one."""
        with self.changed:
            highest: dict[tuple[str, str], int] = {}
            wrong = []
            for one in self.taken:
                queue = (one.endpoint, one.tracking_number)
                if one.sequence > highest.get(queue, 0) + 1:
                    wrong.append(one.tracking_number)
                highest[queue] = max(highest.get(queue, 0), one.sequence)
            return wrong


@contextmanager
def keeping_ledger() -> Iterator[Ledger]:
    ledger = Ledger()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            taken = Taken(
                self.path,
                self.headers["webhook-id"],
                body["data"]["tracking_number"],
                int(self.headers["waypost-sequence"]),
                int(self.headers["waypost-attempt"]),
            )
            with ledger.changed:
                if ledger.answer == 200:
                    ledger.taken.append(taken)
                ledger.changed.notify_all()
            self.send_response(ledger.answer)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ledger.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield ledger
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
