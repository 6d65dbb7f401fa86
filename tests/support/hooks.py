"""A receiver for the pages' tests, in a separate thread: each path has its own response, and all requests are kept."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {"/ok": 200, "/broken": 500, "/moved": 301, "/gone": 410, "/closed": 401}
LONGEST_WAIT = 60


@dataclass(frozen=True)
class Hook:
    """One webhook as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hooks:
    """What came, by path; a path that begins with none of ``ANSWERS`` answers 200."""

    url: str = ""
    received: list[Hook] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, path: str, count: int = 1) -> list[Hook]:
        """Wait until this number of requests has arrived at a path, and return them."""
        until = time.monotonic() + LONGEST_WAIT
        with self.changed:
            while len(found := [hook for hook in self.received if hook.path == path]) < count:
                assert self.changed.wait(until - time.monotonic()), f"{len(found)} came to {path}, not {count}"
        return found


class Listening(ThreadingHTTPServer):
    """Takes each connection in a thread of its own; some dozen may come at once."""

    request_queue_size = 128


@contextmanager
def receiving_hooks(port: int = 0) -> Iterator[Hooks]:
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with hooks.changed:  # before the response: the sender may send the next one as soon as it has it
                hooks.received.append(Hook(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                hooks.changed.notify_all()
            status = next((code for path, code in ANSWERS.items() if self.path.startswith(path)), 200)
            text = b'{"received":true}' if status == 200 else b"<h1>It can't be done</h1>"
            self.send_response(status)
            self.send_header("content-type", "application/json" if status == 200 else "text/html")
            self.send_header("content-length", str(len(text)))
            if status == 301:
                self.send_header("location", f"{hooks.url}{self.path}/")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    server = Listening(("127.0.0.1", port), Handler)
    hooks.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        server.server_close()
