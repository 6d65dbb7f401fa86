"""EasyPost's trackers: a key as the user of Basic, one tracker per number, and webhooks that are set up by API."""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import basic, is_right
from examples.carriers.formats.service import Service, Target, Webhook, read_json, routes
from examples.carriers.journeys import Sight, Step, What
from examples.carriers.wire import Reply, Request, in_json

_WORDS: Final = {
    What.ANNOUNCED: ("pre_transit label_created", "Label created"),
    What.PICKED_UP: ("in_transit received_at_origin_facility", "Accepted at the post office"),
    What.DEPARTED: ("in_transit departed_facility", "Departed the facility"),
    What.ARRIVED: ("in_transit arrived_at_facility", "Arrived at the facility"),
    What.OUT: ("out_for_delivery out_for_delivery", "Out for delivery"),
    What.TO_COLLECT: ("available_for_pickup arrived_at_pickup_location", "Ready for collection"),
    What.DELIVERED: ("delivered arrived_at_destination", "Delivered"),
}
_ZONE: Final = "%Y-%m-%dT%H:%M:%S%z"


class EasyPost(Service):
    """EasyPost's answers."""

    words: ClassVar = _WORDS
    routes: ClassVar = routes(_WORDS)

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``; EasyPost's own client bears the key as a token."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return is_right(basic(request)[0] or bearer)

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _fault(401, "APIKEY.INACTIVE", "This api key is no longer active.")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _fault(status, "UNAVAILABLE" if status >= 500 else "RATE_LIMITED", "Try again later.")  # noqa: PLR2004 - a server's error

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        asked = request.method == "GET" and request.path == "/v2/trackers"
        return [request.asked("tracking_code")] if asked else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        there = [self._tracker(number, sight) for number, sight in sights.items() if number in self.followed]
        return in_json(200, {"trackers": there, "has_more": False})

    def other(self, request: Request) -> Reply | None:
        """See ``Service``."""
        match request.method, request.path:
            case "POST", "/v2/trackers":
                told = (read_json(request) or {}).get("tracker", {})
                number = str(told.get("tracking_code", ""))
                if not number:
                    return _fault(422, "TRACKER.CREATE.ERROR", "tracking_code is required")
                self.follow(number, str(told.get("carrier", "USPS")))
                return in_json(201, self._tracker(number, None))
            case "POST", "/v2/webhooks":
                told = (read_json(request) or {}).get("webhook", {})
                self.targets.append(Target(str(told.get("url", "")), str(told.get("webhook_secret", ""))))
                return in_json(
                    201, {"id": "hook_1", "object": "Webhook", "mode": "production", "url": self.targets[-1].url}
                )
        return None

    def push(self, sight: Sight, secret: str) -> Webhook:
        """See ``Service``."""
        event = {
            "id": f"evt_{sight.number}_{len(sight.steps)}",
            "object": "Event",
            "description": "tracker.updated",
            "mode": "production",
            "result": self._tracker(sight.number, sight),
        }
        body = json.dumps(event, ensure_ascii=False).encode()
        key = unicodedata.normalize("NFKD", secret).encode()
        signature = hmac.new(key, body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-hmac-signature": f"hmac-sha256-hex={signature}"}
        return Webhook(body, headers)

    def _tracker(self, number: str, sight: Sight | None) -> dict[str, Any]:
        details = [] if sight is None else [_detail(sight, step) for step in sight.steps]
        status, detail = (details[-1]["status"], details[-1]["status_detail"]) if details else ("unknown", "unknown")
        return {
            "id": f"trk_{number}",
            "object": "Tracker",
            "mode": "production",
            "tracking_code": number,
            "carrier": self.followed.get(number, "USPS"),
            "status": status,
            "status_detail": detail,
            "signed_by": None,
            "weight": None,
            "est_delivery_date": None,
            "shipment_id": None,
            "tracking_details": details,
        }


FORMAT: Final = EasyPost


def _fault(status: int, code: str, message: str) -> Reply:
    return in_json(status, {"error": {"code": code, "message": message, "errors": []}})


def _detail(sight: Sight, step: Step) -> dict[str, Any]:
    status, detail = step.code.split()
    place = step.place
    return {
        "object": "TrackingDetail",
        "message": step.description,
        "description": None,
        "status": status,
        "status_detail": detail,
        "datetime": f"{sight.moment(step):{_ZONE}}",
        "source": "USPS",
        "tracking_location": {
            "object": "TrackingLocation",
            "city": place.town,
            "state": place.region,
            "country": place.country,
            "zip": place.postcode,
        },
    }
