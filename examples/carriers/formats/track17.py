"""17TRACK's API v2.4: a key in a header, up to forty numbers in the body, each accepted or rejected."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import is_right
from examples.carriers.formats.service import Service, Webhook, read_json, routes
from examples.carriers.journeys import Sight, Step, What
from examples.carriers.wire import Reply, Request, in_json

_BASE: Final = "/track/v2.4/"
_MOST: Final = 40
_WORDS: Final = {
    What.ANNOUNCED: ("InfoReceived", "Shipment information received"),
    What.PICKED_UP: ("InTransit_PickedUp", "Picked up"),
    What.DEPARTED: ("InTransit_Departure", "Departed from the facility"),
    What.ARRIVED: ("InTransit_Arrival", "Arrived at the facility"),
    What.OUT: ("OutForDelivery_Other", "Out for delivery"),
    What.TO_COLLECT: ("AvailableForPickup_Other", "Available for pickup"),
    What.DELIVERED: ("Delivered_Other", "Delivered"),
}


class Track17(Service):
    """17TRACK's answers."""

    words: ClassVar = _WORDS
    routes: ClassVar = routes(_WORDS)

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.headers.get("17token", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return in_json(401, {"code": -18010002, "data": {"errors": [{"code": -18010002, "message": "Invalid key."}]}})

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return in_json(status, {"code": -18010003, "data": {}})

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        return list(_asked(request)) if request.path == f"{_BASE}gettrackinfo" else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``; a number without a scan yet is accepted, with nothing to tell."""
        accepted = [self._told(number, sight) for number, sight in sights.items() if number in self.followed]
        missing = [_rejected(number, -18019902) for number in sights if number not in self.followed]
        return _results(accepted, missing)

    def other(self, request: Request) -> Reply | None:
        """See ``Service``."""
        asked = _asked(request)
        match request.path.removeprefix(_BASE):
            case "register":
                known = [number for number, courier in asked.items() if not self.follow(number, courier)]
                return _results(
                    [{"number": one} for one in asked if one not in known], [_rejected(one, -18019901) for one in known]
                )
            case "stoptrack":
                running = {one for one in asked if one in self.followed and one not in self.stopped}
                self.stopped |= running
                rejected = [
                    (one, -18019906 if one in self.followed else -18019902) for one in asked if one not in running
                ]
                return _results(
                    [{"number": one} for one in asked if one in running], [_rejected(*one) for one in rejected]
                )
            case "deletetrack":
                gone = {one for one in asked if self.followed.pop(one, None) is not None}
                return _results(
                    [{"number": one} for one in gone], [_rejected(one, -18019902) for one in asked if one not in gone]
                )
            case "retrack":
                again = {one for one in asked if one in self.stopped}
                self.stopped -= again
                return _results(
                    [{"number": one} for one in again], [_rejected(one, -18019904) for one in asked if one not in again]
                )
        return None

    def push(self, sight: Sight, secret: str) -> Webhook:
        """See ``Service``."""
        told = {"event": "TRACKING_UPDATED", "data": self._told(sight.number, sight)}
        body = json.dumps(told, ensure_ascii=False).encode()
        signature = hashlib.sha256(body + b"/" + secret.encode()).hexdigest()
        return Webhook(body, {"content-type": "application/json", "sign": signature})

    def _told(self, number: str, sight: Sight | None) -> dict[str, Any]:
        steps = [] if sight is None else sight.steps[::-1]
        events = [] if sight is None else [_event(sight, step) for step in steps]
        status = steps[0].code.partition("_")[0] if steps else "NotFound"
        track = {
            "latest_status": {"status": status, "sub_status": steps[0].code if steps else "NotFound_Other"},
            "tracking": {"providers": [{"provider": {"key": 0}, "events": events}]},
        }
        return {"number": number, "carrier": int(self.followed.get(number) or 0), "track_info": track}


FORMAT: Final = Track17


def _asked(request: Request) -> dict[str, str]:
    found = read_json(request)
    entries = found if isinstance(found, list) else []
    return {str(one["number"]): str(one.get("carrier", "")) for one in entries[:_MOST] if "number" in one}


def _results(accepted: list[Any], rejected: list[Any]) -> Reply:
    return in_json(200, {"code": 0, "data": {"accepted": accepted, "rejected": rejected}})


def _rejected(number: str, code: int) -> dict[str, Any]:
    return {"number": number, "error": {"code": code, "message": f"The number {number} is rejected ({code})."}}


def _event(sight: Sight, step: Step) -> dict[str, Any]:
    return {
        "time_iso": sight.moment(step).isoformat(),
        "description": step.description,
        "location": step.place.town,
        "stage": step.code.partition("_")[0],
        "sub_status": step.code,
        "address": {"country": step.place.country, "city": step.place.town, "postal_code": step.place.postcode},
    }
