"""FedEx' Track API v1: a token by a form, up to 30 numbers in a body, one result or several for each."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import (
    AT_THE_SECOND_ATTEMPT,
    COLLECTED,
    SENT_BACK,
    TO_THE_DOOR,
    Place,
    Route,
    Shape,
    Sight,
    Step,
    What,
    travel,
)
from examples.carriers.wire import Reply, Request, in_json

_MOST_NUMBERS: Final = 30
_MEMPHIS: Final = Place("MEMPHIS", "US", "38116", "-06:00", "TN")
_TROY: Final = Place("TROY", "US", "12180", "-05:00", "NY")
_WORDS: Final = {
    What.ANNOUNCED: ("OC IN", "Shipment information sent to FedEx"),
    What.PICKED_UP: ("PU PU", "Picked up"),
    What.DEPARTED: ("DP IT", "Left FedEx origin facility"),
    What.ARRIVED: ("AR IT", "At local FedEx facility"),
    What.OUT: ("OD IT", "On FedEx vehicle for delivery"),
    What.NOBODY_HOME: ("DE DE", "Delivery exception"),
    What.TO_COLLECT: ("HL HL", "Ready for pickup"),
    What.DELIVERED: ("DL DL", "Delivered"),
    What.RETURNING: ("RS RS", "Returning package to shipper"),
}
_EXCEPTIONS: Final = {"DE": ("08", "Customer not available or business closed")}
_TROUBLES: Final = {
    429: ("RATE.LIMIT", "We have received too many requests in a short duration. Please wait a while to try again."),
    500: ("INTERNAL.SERVER.ERROR", "We encountered an unexpected error and are working to resolve the issue."),
    503: ("SERVICE.UNAVAILABLE.ERROR", "The service is currently unavailable."),
}


def _route(number: str, shape: Shape, ends_as: str, signed_by: str | None = None) -> Route:
    steps = travel(shape, _WORDS, _MEMPHIS, _TROY)
    return Route(number, "fedex", "FEDEX_GROUND", "FedEx Ground", 0.91, steps, ends_as, signed_by=signed_by)


class FedEx(Format):
    """FedEx' answers."""

    token_path: ClassVar = "/oauth/token"  # noqa: S105 - a path
    routes: ClassVar = (
        _route("771646204207", TO_THE_DOOR, "delivered001", "A.BUYER"),
        _route("776063492228", AT_THE_SECOND_ATTEMPT, "delivered001"),
        _route("777620669980", COLLECTED, "delivered001"),
        _route("770049748489", SENT_BACK[:-1], "exception011"),
    )

    def token(self, request: Request) -> Reply:
        """See ``Format``."""
        form = parse_qs(request.body.decode("latin-1"))
        if not is_right(form.get("client_id", [""])[0], form.get("client_secret", [""])[0]):
            return self.refusal()
        told = {"access_token": self.issue(), "token_type": "bearer", "expires_in": self.token_seconds, "scope": "CXS"}
        return in_json(200, told)

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return self.has_token(request)

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _errors(401, "NOT.AUTHORIZED.ERROR", "Access token expired. Please modify your request and try again.")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _errors(status, *_TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        if (request.method, request.path) != ("POST", "/track/v1/trackingnumbers"):
            return None
        try:
            asked = [one["trackingNumberInfo"]["trackingNumber"] for one in json.loads(request.body)["trackingInfo"]]
        except (ValueError, LookupError, TypeError):
            return None
        return [str(number) for number in asked[:_MOST_NUMBERS]]

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        results = [
            {"trackingNumber": number, "trackResults": [_result(number, sight)]} for number, sight in sights.items()
        ]
        return in_json(200, {"transactionId": "t", "output": {"completeTrackResults": results}})


FORMAT: Final = FedEx


def _errors(status: int, code: str, message: str) -> Reply:
    return in_json(status, {"transactionId": "t", "errors": [{"code": code, "message": message}]})


def _result(number: str, sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        return {
            "trackingNumberInfo": {"trackingNumber": number, "trackingNumberUniqueId": "", "carrierCode": ""},
            "error": {
                "code": "TRACKING.TRACKINGNUMBER.NOTFOUND",
                "message": "The tracking number cannot be found right now.",
            },
        }
    newest, route = sight.steps[-1], sight.route
    event_type, derived = newest.code.split()
    result: dict[str, Any] = {
        "trackingNumberInfo": {
            "trackingNumber": number,
            "trackingNumberUniqueId": f"12026~{number}~FDEG",
            "carrierCode": "FDXG",
        },
        "latestStatusDetail": {
            "code": event_type,
            "derivedCode": derived,
            "statusByLocale": newest.description,
            "description": newest.description,
            "scanLocation": _address(newest.place),
        },
        "scanEvents": [_event(sight, step) for step in sight.steps[::-1]],
        "serviceDetail": {"type": route.service, "description": route.product, "shortDescription": "FG"},
        "packageDetails": {
            "count": "1",
            "weightAndDimensions": {"weight": [{"value": f"{route.kilograms:.2f}", "unit": "KG"}]},
        },
        "shipperInformation": {"address": _address(route.origin)},
        "recipientInformation": {"address": _address(route.destination)},
    }
    return result | (_delivery(sight) if sight.is_over else _estimate(sight))


def _estimate(sight: Sight) -> dict[str, Any]:
    begins = sight.expected.replace(minute=0)
    ends = begins.replace(hour=min(23, begins.hour + 4))
    return {
        "dateAndTimes": [{"type": "ESTIMATED_DELIVERY", "dateTime": begins.isoformat()}],
        "estimatedDeliveryTimeWindow": {"window": {"begins": begins.isoformat(), "ends": ends.isoformat()}},
    }


def _delivery(sight: Sight) -> dict[str, Any]:
    return {
        "dateAndTimes": [{"type": "ACTUAL_DELIVERY", "dateTime": sight.expected.isoformat()}],
        "deliveryDetails": {
            "receivedByName": sight.route.signed_by or "",
            "locationDescription": "Front Door/Porch",
            "deliveryAttempts": "0",
        },
    }


def _event(sight: Sight, step: Step) -> dict[str, Any]:
    event_type, derived = step.code.split()
    code, text = _EXCEPTIONS.get(event_type, ("", ""))
    moment = sight.moment(step)
    # Of some pickups FedEx knows only the day, which it writes as midnight without an offset.
    date = f"{moment:%Y-%m-%d}T00:00:00" if event_type == "PU" else moment.isoformat()
    return {
        "date": date,
        "eventType": event_type,
        "eventDescription": step.description,
        "exceptionCode": code,
        "exceptionDescription": text,
        "scanLocation": {} if event_type == "OC" else _address(step.place),
        "locationType": "FEDEX_FACILITY",
        "derivedStatusCode": derived,
        "derivedStatus": step.description,
    }


def _address(place: Place) -> dict[str, Any]:
    return {
        "streetLines": [""],
        "city": place.town,
        "stateOrProvinceCode": place.region,
        "postalCode": place.postcode,
        "countryCode": place.country,
        "residential": False,
    }
