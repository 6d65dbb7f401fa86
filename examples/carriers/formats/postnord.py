"""PostNord's Track & Trace v5: a key and a number in the query, items within shipments, a fault for an unknown one."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import TO_THE_DOOR, Place, Route, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_json

_MALMO: Final = Place("Malmö", "SE", "21120", "+01:00")
_STOCKHOLM: Final = Place("Stockholm", "SE", "11122", "+01:00")
_WORDS: Final = {
    What.ANNOUNCED: ("25 INFORMED", "The electronic shipping information has been received"),
    What.PICKED_UP: ("1 EN_ROUTE", "The shipment item has been picked up by the driver"),
    What.ARRIVED: ("3 EN_ROUTE", "The shipment item has arrived at the distribution terminal"),
    What.OUT: ("13 EN_ROUTE", "The shipment item has been loaded for delivery"),
    What.DELIVERED: ("21 DELIVERED", "The shipment item has been delivered"),
}
_TROUBLES: Final = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


class PostNord(Format):
    """PostNord's answers."""

    routes: ClassVar = (
        Route(
            "00573965037990852200",
            "postnord",
            "19",
            "MyPack Collect",
            0.6,
            travel(TO_THE_DOOR, _WORDS, _MALMO, _STOCKHOLM),
            "delivered001",
        ),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.asked("apikey"))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return in_json(403, {"message": "Invalid apikey"})

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return in_json(status, {"message": _TROUBLES[status]})

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        asked = request.method == "GET" and request.path == "/rest/shipment/v5/trackandtrace/findByIdentifier.json"
        return [request.asked("id")] if asked else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((number, sight),) = sights.items()
        if sight is None:
            fault = {
                "faultCode": "NOT_FOUND",
                "explanationText": "Not found",
                "paramValues": [{"param": "id", "value": number}],
            }
            return _framed({"compositeFault": {"faults": [fault]}, "shipments": []})
        return _framed({"shipments": [_shipment(sight)]})


FORMAT: Final = PostNord


def _framed(body: dict[str, Any]) -> Reply:
    return in_json(200, {"TrackingInformationResponse": body})


def _shipment(sight: Sight) -> dict[str, Any]:
    route = sight.route
    status = sight.steps[-1].code.split()[1]
    item = {
        "itemId": sight.number,
        "status": status,
        "estimatedTimeOfArrival": f"{sight.expected:%Y-%m-%dT%H:%M:%S}",
        "events": [_event(sight, step) for step in sight.steps],
    }
    return {
        "shipmentId": sight.number,
        "assessedNumberOfItems": 1,
        "estimatedTimeOfArrival": f"{sight.expected:%Y-%m-%dT%H:%M:%S}",
        "service": {"code": route.service, "name": route.product},
        "consignor": {"address": {"city": route.origin.town, "countryCode": route.origin.country}},
        "consignee": {"address": {"city": route.destination.town, "countryCode": route.destination.country}},
        "status": status,
        "statusText": {"header": sight.steps[-1].description, "body": ""},
        "items": [item],
    }


def _event(sight: Sight, step: Step) -> dict[str, Any]:
    code, status = step.code.split()
    return {
        "eventTime": f"{sight.moment(step):%Y-%m-%dT%H:%M:%S}",
        "eventCode": code,
        "status": status,
        "eventDescription": step.description,
        "location": {
            "displayName": step.place.town,
            "name": step.place.town,
            "city": step.place.town,
            "countryCode": step.place.country,
            "country": "Sweden",
            "locationType": "HUB",
        },
    }
