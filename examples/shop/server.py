"""The shop's web server: one route receives webhooks, the others show parcels."""

import json
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from examples.shop.ledger import Ledger
from examples.shop.pages import STYLE, orders_page, track_page
from waypost.receiver import RefusedWebhookError, UnreadableEventError, verify

_HTML = "text/html; charset=utf-8"
_SAFETY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Shop(ThreadingHTTPServer):
    """A running shop; port 0 chooses a free one."""

    request_queue_size = 128

    def __init__(self, port: int, ledger: Ledger, secret: str, now: Callable[[], float] = time.time) -> None:
        self.ledger, self.secret, self.now = ledger, secret, now
        super().__init__(("127.0.0.1", port), _Visit)
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Visit(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"  # keeps the connection open for the next webhook
    timeout = 30
    wbufsize = -1  # sends a response as one packet

    def do_POST(self) -> None:
        """Receive a webhook: verify its bytes, store it, and only then respond 200. Do slow work after that."""
        length = self.headers.get("content-length", "")
        if self.path != "/webhooks/waypost" or not re.fullmatch(r"[0-9]{1,6}", length):  # under a megabyte
            self.close_connection = True  # the body was not read
            return self._answer(404, "text/plain", "This URL does not accept webhooks, or this request is not one.\n")
        body = self.rfile.read(int(length))
        try:
            event = verify(body, self.headers, self.server.secret, now=int(self.server.now()))
        except RefusedWebhookError as reason:
            self.server.ledger.refuse(self.headers.get("webhook-id", ""))
            return self._answer(401, "text/plain", f"{reason}\n")
        except UnreadableEventError as reason:
            return self._answer(400, "text/plain", f"{reason}\n")
        self.server.ledger.keep(event, self.server.url)
        return self._answer(200, "text/plain", "kept\n")

    def do_GET(self) -> None:
        """Show a page."""
        ledger = self.server.ledger
        match self.path.split("/", 2)[1:]:
            case [""]:
                self._answer(200, _HTML, orders_page(ledger.parcels()))
            case ["track", number] if parcel := ledger.parcel(unquote(number)):
                self._answer(200, _HTML, track_page(parcel))
            case ["style.css"]:
                self._answer(200, "text/css", STYLE)
            case ["_ledger"]:
                self._answer(200, "application/json", json.dumps(ledger.webhooks()))
            case _:
                self._answer(404, "text/plain", "There is no such page.\n")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (_SAFETY | {"content-type": content_type, "content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
