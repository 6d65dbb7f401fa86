"""DHL Shipment Tracking - Unified: one number in the query, a key in a header, problems as in RFC 7807."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.dhl_routes import ROUTES
from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import Place, Sight, Step
from examples.carriers.wire import Reply, Request, in_json

_TROUBLES: Final = {
    429: ("Too Many Requests", "Too many requests within defined time period, please try again later."),
    500: ("Internal Server Error", "The request could not be processed."),
    503: ("Service Unavailable", "The service is not available now."),
}


class Dhl(Format):
    """DHL's answers."""

    routes: ClassVar = ROUTES

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.headers.get("dhl-api-key", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return in_json(401, {"status": 401, "title": "Unauthorized", "detail": "Unauthorized for given resource."})

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        title, detail = _TROUBLES[status]
        return in_json(status, {"status": status, "title": title, "detail": detail})

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        asked = request.method == "GET" and request.path == "/track/shipments"
        return [request.asked("trackingNumber")] if asked else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((number, sight),) = sights.items()
        if sight is None:
            problem = {
                "title": "No result found",
                "detail": "No shipment with given tracking number found.",
                "status": 404,
                "instance": f"/shipment/{number}",
            }
            return in_json(404, problem, "application/problem+json")
        query = f"/shipments?trackingNumber={number}"
        return in_json(200, {"url": query, "firstUrl": query, "shipments": [_shipment(sight)]})


FORMAT: Final = Dhl


def _shipment(sight: Sight) -> dict[str, Any]:
    events = [_event(sight, step) for step in sight.steps]
    return {
        "id": sight.number,
        "service": sight.route.service,
        "origin": _place(sight.route.origin),
        "destination": _place(sight.route.destination),
        "status": events[-1],
        "estimatedTimeOfDelivery": sight.expected.isoformat(),
        "estimatedDeliveryTimeFrame": {
            "estimatedFrom": f"{sight.expected:%Y-%m-%dT}08:00:00Z",
            "estimatedThrough": f"{sight.expected:%Y-%m-%dT}20:00:00Z",
        },
        "serviceUrl": f"https://www.dhl.com/en/home/tracking.html?tracking-id={sight.number}",
        "details": _details(sight),
        "events": events[::-1],
    }


def _details(sight: Sight) -> dict[str, Any]:
    details: dict[str, Any] = {
        "product": {"productName": sight.route.product},
        "totalNumberOfPieces": 1,
        "weight": {"value": sight.route.kilograms, "unitText": "kg"},
    }
    if sight.is_over and sight.route.signed_by is not None:
        signed = {"@type": "Person", "name": sight.route.signed_by}
        details["proofOfDelivery"] = {"signed": signed, "documentUrl": "https://webpod.dhl.com/"}
    return details


def _event(sight: Sight, step: Step) -> dict[str, Any]:
    event = {
        "timestamp": sight.moment(step).isoformat(),
        "location": _place(step.place),
        "statusCode": step.code,
        "status": step.code,
        "description": step.description,
        "remark": step.remark,
        "nextSteps": step.next_steps,
    }
    return {name: value for name, value in event.items() if value is not None}


def _place(place: Place) -> dict[str, Any]:
    address = {"countryCode": place.country, "postalCode": place.postcode, "addressLocality": place.town}
    return {"address": {name: value for name, value in address.items() if value}}
