"""USPS' Tracking API v3: a token with a scope, one number in the path, and a 400 for a number without a status."""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import COLLECTED, SENT_BACK, TO_THE_DOOR, Place, Route, Shape, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_json

_NEW_YORK: Final = Place("JAMAICA", "US", "11430", "-05:00", "NY")
_TROY: Final = Place("TROY", "US", "12180", "-05:00", "NY")
_WORDS: Final = {
    What.ANNOUNCED: ("MA", "Pre-Shipment, USPS Awaiting Item"),
    What.PICKED_UP: ("03", "USPS in possession of item"),
    What.DEPARTED: ("EF", "Departed USPS Regional Facility"),
    What.ARRIVED: ("07", "Arrived at Post Office"),
    What.OUT: ("OF", "Out for Delivery"),
    What.TO_COLLECT: ("16", "Available for Pickup"),
    What.DELIVERED: ("01", "Delivered, In/At Mailbox"),
    What.RETURNING: ("09", "Return to Sender"),
    What.RETURNED: ("01", "Delivered, To Original Sender"),
}
_CATEGORIES: Final = {
    "MA": "Pre-Shipment",
    "OF": "Out for Delivery",
    "16": "Available for Pickup",
    "01": "Delivered",
    "09": "Alert",
}
_TROUBLES: Final = {429: "Too many requests.", 500: "An unexpected error occurred.", 503: "Service unavailable."}


def _route(number: str, shape: Shape, ends_as: str) -> Route:
    return Route(number, "usps", "DM", "USPS Ground Advantage", 0.4, travel(shape, _WORDS, _NEW_YORK, _TROY), ends_as)


class Usps(Format):
    """USPS' answers."""

    token_path: ClassVar = "/oauth2/v3/token"  # noqa: S105 - a path
    routes: ClassVar = (
        _route("9400129413078716168281", TO_THE_DOOR, "delivered001"),
        _route("9400137293068265123308", COLLECTED, "delivered001"),
        _route("9400120191327423159425", SENT_BACK, "exception010"),
    )

    def token(self, request: Request) -> Reply:
        """See ``Format``."""
        asked = _fields(request)
        if not is_right(asked.get("client_id", ""), asked.get("client_secret", "")):
            return self.refusal()
        # An app without access to tracking gets a token all the same, of another scope.
        scope = "addresses prices" if asked["client_id"] == "no-tracking" else "addresses tracking"
        told = {"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.token_seconds}
        return in_json(200, told | {"status": "approved", "scope": scope, "issued_at": 1772000000000})

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return self.has_token(request)

    def refusal(self) -> Reply:
        """See ``Format``."""
        return in_json(
            401,
            {
                "error": "invalid_client",
                "error_description": "Client authentication failed.",
                "error_uri": "https://datatracker.ietf.org/doc/html/rfc6749#page-45",
            },
        )

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _error(status, _TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        number = request.path.removeprefix("/tracking/v3/tracking/")
        return [number] if request.method == "GET" and number != request.path and "/" not in number else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((number, sight),) = sights.items()
        if sight is None:
            return _error(400, "12: A status update is not yet available on your package.")
        newest = sight.steps[-1]
        return in_json(
            200,
            {
                "trackingNumber": number,
                "mailClass": f"{sight.route.product}<SUP>&#153;</SUP>",
                "mailType": sight.route.service,
                "originZIP": sight.route.origin.postcode,
                "destinationCity": sight.route.destination.town,
                "destinationState": sight.route.destination.region,
                "destinationZIP": sight.route.destination.postcode,
                "statusCategory": _CATEGORIES.get(newest.code, "Moving Through Network"),
                "status": newest.description,
                "statusSummary": "",
                "services": ["USPS Tracking<SUP>&#174;</SUP>"],
                "expectedDeliveryTimeStamp": f"{sight.expected:%Y-%m-%dT}21:00:00Z",
                "trackingEvents": [_event(sight, step) for step in sight.steps[::-1]],
            },
        )


FORMAT: Final = Usps


def _fields(request: Request) -> dict[str, str]:
    """Return the fields of a request for a token, which may be JSON or a form."""
    if "json" in request.headers.get("content-type", ""):
        try:
            told = json.loads(request.body)
        except ValueError:
            return {}
        return {name: str(value) for name, value in told.items()} if isinstance(told, dict) else {}
    return {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}


def _error(status: int, message: str) -> Reply:
    error = {"title": message, "detail": "", "source": {}}
    return in_json(
        status,
        {"apiVersion": "/tracking/v3", "error": {"code": str(status), "message": message, "errors": [error]}},
    )


def _event(sight: Sight, step: Step) -> dict[str, Any]:
    at = sight.moment(step)
    has_place = step.code != "MA"  # what happens before USPS has the parcel happens nowhere
    return {
        "eventType": step.description,
        "eventTimestamp": f"{at:%Y-%m-%dT%H:%M:%S}",
        "GMTTimestamp": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if has_place else None,
        "GMTOffset": step.place.offset if has_place else None,
        "eventCountry": None,
        "eventCity": step.place.town if has_place else None,
        "eventState": step.place.region if has_place else None,
        "eventZIP": step.place.postcode if has_place else None,
        "firm": None,
        "name": None,
        "authorizedAgent": "false",
        "eventCode": step.code,
        "additionalProp": None,
    }
