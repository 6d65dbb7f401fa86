"""TrackingMore's API v4: a key in a header, numbers in the query, statuses and substatuses of its own."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from uuid import NAMESPACE_URL, uuid5

from examples.carriers.formats.format import is_right
from examples.carriers.formats.service import Service, Webhook, read_json, routes
from examples.carriers.journeys import Sight, Step, What
from examples.carriers.wire import Reply, Request, in_json

_WORDS: Final = {
    What.ANNOUNCED: ("inforeceived001", "The order was announced"),
    What.PICKED_UP: ("transit001", "Picked up"),
    What.DEPARTED: ("transit006", "Departed from the hub"),
    What.ARRIVED: ("transit002", "Arrived at the hub"),
    What.OUT: ("pickup001", "Out for delivery"),
    What.TO_COLLECT: ("pickup002", "Ready for collection"),
    What.DELIVERED: ("delivered001", "Delivered"),
}
_DELETE: Final = "/v4/trackings/delete/"


class TrackingMore(Service):
    """TrackingMore's answers."""

    words: ClassVar = _WORDS
    routes: ClassVar = routes(_WORDS)

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.headers.get("tracking-api-key", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _said(401, 401, "Authentication failed or has no permission.")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _said(status, 429 if status < 500 else 511, "Try again later.")  # noqa: PLR2004 - the class of the status

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        asked = request.method == "GET" and request.path == "/v4/trackings/get"
        return request.asked("tracking_numbers").split(",")[:40] if asked else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        there = [self._tracking(number, sight) for number, sight in sights.items() if number in self.followed]
        return _said(200, 200, "Request response is successful", there)

    def other(self, request: Request) -> Reply | None:
        """See ``Service``."""
        if request.method == "POST" and request.path == "/v4/trackings/create":
            told = read_json(request) or {}
            number = str(told.get("tracking_number", ""))
            if not number:
                return _said(400, 4111, "tracking_number is required.")
            if not self.follow(number, str(told.get("courier_code", ""))):
                return _said(400, 4101, "Tracking No. already exists.")
            return _said(200, 200, "Request response is successful", self._tracking(number, None))
        if request.method == "DELETE" and request.path.startswith(_DELETE):
            wanted = request.path.removeprefix(_DELETE)
            number = next((one for one in self.followed if _id(one) == wanted), "")
            if self.followed.pop(number, None) is None:
                return _said(400, 4102, "Tracking No. no exists.")
            return _said(200, 200, "Request response is successful", {"id": wanted})
        return None

    def push(self, sight: Sight, secret: str) -> Webhook:
        """See ``Service``."""
        told = {"code": 200, "message": "Request response is successful", "data": self._tracking(sight.number, sight)}
        timestamp = str(int(time.time()))
        signature = hmac.new(secret.encode(), timestamp.encode(), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "timestamp": timestamp, "signature": signature}
        return Webhook(json.dumps(told, ensure_ascii=False).encode(), headers)

    def _tracking(self, number: str, sight: Sight | None) -> dict[str, Any]:
        newest_first = [] if sight is None else [_scan(sight, step) for step in sight.steps[::-1]]
        substatus = newest_first[0]["checkpoint_delivery_substatus"] if newest_first else "pending001"
        return {
            "id": _id(number),
            "tracking_number": number,
            "courier_code": self.followed.get(number, ""),
            "delivery_status": substatus[:-3],
            "substatus": substatus,
            "archived": "tracking",
            "origin_info": {"courier_code": self.followed.get(number, ""), "trackinfo": newest_first},
            "destination_info": {"courier_code": None, "trackinfo": []},
        }


FORMAT: Final = TrackingMore


def _id(number: str) -> str:
    return uuid5(NAMESPACE_URL, number).hex


def _said(status: int, code: int, message: str, data: Any = None) -> Reply:
    return in_json(status, {"meta": {"code": code, "message": message}, "data": data})


def _scan(sight: Sight, step: Step) -> dict[str, Any]:
    return {
        "checkpoint_date": f"{sight.moment(step):%Y-%m-%dT%H:%M:%S}",
        "checkpoint_delivery_status": step.code[:-3],
        "checkpoint_delivery_substatus": step.code,
        "tracking_detail": step.description,
        "location": step.place.town,
        "country_iso2": step.place.country,
    }
