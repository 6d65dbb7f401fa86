"""PostNL's Shippingstatus v2: one barcode in the path, times as DD-MM-YYYY without an offset, a warning for unknown."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import COLLECTED, TO_THE_DOOR, Place, Route, Shape, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_json

_UTRECHT: Final = Place("Utrecht", "NL", "3571ZZ", "+01:00")
_HOOFDDORP: Final = Place("Hoofddorp", "NL", "2132WT", "+01:00")
_WORDS: Final = {  # event, status and phase
    What.ANNOUNCED: ("A01 1 1", "Shipment expected, but not yet arrived or processed at PostNL"),
    What.PICKED_UP: ("B01 2 1", "Shipment received by PostNL"),
    What.ARRIVED: ("J01 5 2", "Shipment sorted"),
    What.OUT: ("J05 7 3", "Shipment out for delivery"),
    What.TO_COLLECT: ("J12 12 4", "Shipment is ready at the PostNL location"),
    What.DELIVERED: ("I01 11 4", "Shipment delivered"),
}
_TROUBLES: Final = {429: "Too many requests", 500: "Internal server error", 503: "Service unavailable"}


def _route(number: str, shape: Shape, ends_as: str) -> Route:
    steps = travel(shape, _WORDS, _HOOFDDORP, _UTRECHT)
    return Route(number, "postnl-3s", "003085", "Standaard Zending", 0.18, steps, ends_as)


class PostNl(Format):
    """PostNL's answers."""

    routes: ClassVar = (
        _route("3SABCD592785307", TO_THE_DOOR, "delivered001"),
        _route("3SABCD624325569", COLLECTED, "delivered001"),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.headers.get("apikey", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _fault(401, "Invalid ApiKey")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _fault(status, _TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        number = request.path.removeprefix("/shipment/v2/status/barcode/")
        return [number] if request.method == "GET" and number != request.path and "/" not in number else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((_, sight),) = sights.items()
        if sight is None:
            return in_json(200, {"Warnings": [{"Message": "No shipments found", "Code": "2"}]})
        return in_json(200, {"CompleteStatus": {"Shipment": _shipment(sight)}})


FORMAT: Final = PostNl


def _fault(status: int, text: str) -> Reply:
    return in_json(status, {"fault": {"faultstring": text, "detail": {"errorcode": str(status)}}})


def _shipment(sight: Sight) -> dict[str, Any]:
    route = sight.route
    statuses = [_status(sight, step) for step in sight.steps]
    return {
        "MainBarcode": sight.number,
        "Barcode": sight.number,
        "ShipmentAmount": "1",
        "ShipmentCounter": "1",
        "ProductCode": route.service,
        "ProductDescription": route.product,
        "Reference": "REF-1234567",
        "DeliveryDate": f"{sight.expected:%Y-%m-%d}",
        "Dimension": {"Height": "125", "Length": "250", "Weight": f"{route.kilograms * 1000:.0f}", "Width": "200"},
        "Address": [
            {"AddressType": "01", "City": route.destination.town, "CountryCode": route.destination.country},
            {"AddressType": "02", "City": route.origin.town, "CountryCode": route.origin.country},
        ],
        "Expectation": {
            "ETAFrom": f"{sight.expected:%m/%d/%Y} 10:30:00",
            "ETATo": f"{sight.expected:%m/%d/%Y} 12:30:00",
        },
        "Event": [_event(sight, step) for step in sight.steps[::-1]],
        "Status": statuses[-1],
        "OldStatus": statuses[-2::-1],
    }


def _event(sight: Sight, step: Step) -> dict[str, str]:
    event, _, _ = step.code.split()
    return {"Code": event, "Description": step.description, "LocationCode": "888888", "TimeStamp": _at(sight, step)}


def _status(sight: Sight, step: Step) -> dict[str, str]:
    _, status, phase = step.code.split()
    return {
        "TimeStamp": _at(sight, step),
        "StatusCode": status,
        "StatusDescription": step.description,
        "PhaseCode": phase,
        "PhaseDescription": "",
    }


def _at(sight: Sight, step: Step) -> str:
    return f"{sight.moment(step):%d-%m-%Y %H:%M:%S}"
