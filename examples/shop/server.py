"""The shop's web server: one route takes webhooks in, the others show what is known."""

import json
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from examples.shop.ledger import Ledger
from examples.shop.pages import STYLE, orders_page, track_page
from examples.shop.signature import RefusedWebhook, verify

_HTML = "text/html; charset=utf-8"
_SAFETY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


class Shop(ThreadingHTTPServer):
    """A running shop; port 0 takes a free one."""

    request_queue_size = 128

    def __init__(self, port: int, ledger: Ledger, key: bytes, now: Callable[[], float] = time.time) -> None:
        self.ledger, self.key, self.now = ledger, key, now
        super().__init__(("127.0.0.1", port), _Visit)


class _Visit(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"  # the connection stays open for the next webhook
    timeout = 30
    wbufsize = -1  # an answer leaves as one packet

    def do_POST(self) -> None:
        """Take a webhook: verify its bytes, keep it, and only then answer 200. Slow work belongs after that."""
        length = self.headers.get("content-length", "")
        if self.path != "/webhooks/waypost" or not re.fullmatch(r"[0-9]{1,6}", length):  # under a megabyte
            self.close_connection = True  # with the body unread
            return self._answer(404, "text/plain", "There are no webhooks here, or this is none.\n")
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            webhook_id = verify(headers, body, self.server.key, self.server.now())
        except RefusedWebhook as reason:
            self.server.ledger.refuse(headers.get("webhook-id", ""))
            return self._answer(401, "text/plain", f"{reason}\n")
        self.server.ledger.keep(webhook_id, int(headers["waypost-sequence"]), json.loads(body)["data"])
        return self._answer(200, "text/plain", "kept\n")

    def do_GET(self) -> None:
        """Show a page."""
        parcels = self.server.ledger.parcels()
        match self.path.split("/", 2)[1:]:
            case [""]:
                self._answer(200, _HTML, orders_page(list(parcels.values())))
            case ["track", number] if unquote(number) in parcels:
                self._answer(200, _HTML, track_page(parcels[unquote(number)]))
            case ["style.css"]:
                self._answer(200, "text/css", STYLE)
            case ["_ledger"]:
                self._answer(200, "application/json", json.dumps(self.server.ledger.webhooks()))
            case _:
                self._answer(404, "text/plain", "There is no such page.\n")

    def _answer(self, status: int, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (_SAFETY | {"content-type": content_type, "content-length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
