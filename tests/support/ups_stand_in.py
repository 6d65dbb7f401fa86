"""UPS on loopback, as far as the pages need it: it issues tokens for its secret, and knows every parcel."""

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

REFUSAL = {"response": {"errors": [{"code": "250002", "message": "Invalid Authentication Information"}]}}
ACTIVITY = {
    "date": "20260701",
    "time": "081500",
    "gmtOffset": "+02:00",
    "location": {"address": {"city": "Bremen", "countryCode": "DE"}},
    "status": {"type": "I", "code": "AR", "statusCode": "005", "description": "Arrived at Facility"},
}


@dataclass
class UpsStandIn:
    """Where it answers, and the secret that it accepts now; tokens of another one are worth nothing."""

    url: str = ""
    secret: str = "right"


@contextmanager
def standing_in_for_ups() -> Iterator[UpsStandIn]:
    ups = UpsStandIn()

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            given = b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
            if given != f"me:{ups.secret}":
                return self.answer(401, REFUSAL)
            return self.answer(200, {"access_token": ups.secret, "expires_in": "14399", "status": "approved"})

        def do_GET(self) -> None:
            if self.headers["authorization"] != f"Bearer {ups.secret}":
                return self.answer(401, REFUSAL)
            number = self.path.partition("?")[0].rpartition("/")[2]
            package = {"trackingNumber": number, "activity": [ACTIVITY]}
            return self.answer(200, {"trackResponse": {"shipment": [{"package": [package]}]}})

        def answer(self, status: int, value: object) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever).start()
        ups.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield ups
        server.shutdown()
