"""Australia Post's Shipping and Tracking API: up to ten numbers in the query, events without codes."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format, basic, is_right
from examples.carriers.journeys import COLLECTED, TO_THE_DOOR, Place, Route, Shape, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_json

_MOST_NUMBERS: Final = 10
_SUNSHINE: Final = Place("SUNSHINE WEST", "AU", "3020", "+10:00", "VIC")
_OAKLEIGH: Final = Place("OAKLEIGH SOUTH", "AU", "3167", "+10:00", "VIC")
_WORDS: Final = {
    What.ANNOUNCED: ("Initiated", "Shipping information received by Australia Post"),
    What.PICKED_UP: ("In transit", "Picked up"),
    What.ARRIVED: ("In transit", "Item processed at facility"),
    What.OUT: ("On Board for Delivery", "Onboard for delivery\r\n\t"),
    What.TO_COLLECT: ("Awaiting collection", "Awaiting collection at OAKLEIGH SOUTH LPO"),
    What.DELIVERED: ("Delivered", "Delivered"),
}
_TROUBLES: Final = {429: "Too many requests", 500: "Internal error", 503: "Service unavailable"}


def _route(number: str, shape: Shape, ends_as: str) -> Route:
    steps = travel(shape, _WORDS, _SUNSHINE, _OAKLEIGH)
    return Route(number, "australia-post", "", "Parcel Post", 0.8, steps, ends_as)


class AustraliaPost(Format):
    """Australia Post's answers."""

    routes: ClassVar = (
        _route("7XX1000634011427", TO_THE_DOOR, "delivered001"),
        _route("7XX1000634011434", COLLECTED, "delivered001"),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(*basic(request), request.headers.get("account-number", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _errors(401, "API_001", "Unable to authenticate the request.")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _errors(status, str(status), _TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        asked = request.method == "GET" and request.path == "/shipping/v1/track"
        return request.asked("tracking_ids").split(",") if asked else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        if len(sights) > _MOST_NUMBERS:
            return _errors(400, "51101", "The number of tracking identifiers exceeds the maximum of 10.")
        return in_json(200, {"tracking_results": [_result(number, sight) for number, sight in sights.items()]})


FORMAT: Final = AustraliaPost


def _errors(status: int, code: str, message: str) -> Reply:
    return in_json(status, {"errors": [{"code": code, "name": message, "message": message}]})


def _result(number: str, sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        return {"tracking_id": number, "errors": [{"code": "ESB-10001", "name": "Invalid tracking ID"}]}
    status = sight.steps[-1].code
    article = {
        "article_id": number,
        "product_type": sight.route.product,
        "status": status,
        "events": [_event(sight, step) for step in sight.steps[::-1]],
    }
    return {"tracking_id": number, "status": status, "trackable_items": [article]}


def _event(sight: Sight, step: Step) -> dict[str, str]:
    event = {"description": step.description, "date": sight.moment(step).isoformat()}
    # Events before the article is handed over have no place.
    return event if step.code == "Initiated" else {"location": f"{step.place.town} {step.place.region}"} | event
