"""La Poste's Suivi v2: up to ten numbers in the path, an object for one and a list for several."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import COLLECTED, SENT_BACK, TO_THE_DOOR, Place, Route, Shape, Sight, What, travel
from examples.carriers.wire import Reply, Request, in_json

_LYON: Final = Place("LYON", "FR", "69001", "+01:00")
_NANTES: Final = Place("NANTES", "FR", "44000", "+01:00")
_LENGTHS: Final = range(11, 16)
_WORDS: Final = {
    What.ANNOUNCED: ("DR1", "Your parcel will soon be handed over to us."),
    What.PICKED_UP: ("PC1", "Your parcel has been handed over to La Poste."),
    What.DEPARTED: ("ET1", "Your parcel is on its way."),
    What.ARRIVED: ("EP1", "Your parcel has arrived at its delivery site."),
    What.OUT: ("MD2", "Your parcel is out for delivery."),
    What.TO_COLLECT: ("AG1", "Your parcel is available at your pickup point."),
    What.DELIVERED: ("DI1", "Your parcel has been delivered."),
    What.RETURNING: ("RE1", "Your parcel is being returned to its sender."),
    What.RETURNED: ("DI2", "Your parcel has been returned to its sender."),
}
_ALL_PARTS: Final = 200
_SOME_PARTS: Final = 207
_TROUBLES: Final = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


def _route(number: str, courier: str, shape: Shape, ends_as: str) -> Route:
    return Route(number, courier, "colissimo", "colissimo", 0.75, travel(shape, _WORDS, _LYON, _NANTES), ends_as)


class LaPoste(Format):
    """La Poste's answers."""

    routes: ClassVar = (
        _route("6A87311582193", "colissimo", TO_THE_DOOR, "delivered001"),
        _route("8R41570813086", "colissimo", COLLECTED, "delivered001"),
        _route("XY550701340FR", "chronopost", SENT_BACK, "exception010"),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(request.headers.get("x-okapi-key", ""))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return in_json(401, {"code": "UNAUTHORIZED", "message": "Okapi key is not valid"})

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return in_json(status, {"code": str(status), "message": _TROUBLES[status]})

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        path = request.path.removeprefix("/suivi/v2/idships/")
        return path.split(",")[:10] if request.method == "GET" and path != request.path else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        parts = [_part(number, sight) for number, sight in sights.items()]
        if len(parts) == 1:
            return in_json(parts[0]["returnCode"], parts[0])
        whole = all(part["returnCode"] == _ALL_PARTS for part in parts)
        return in_json(_ALL_PARTS if whole else _SOME_PARTS, parts)


FORMAT: Final = LaPoste


def _part(number: str, sight: Sight | None) -> dict[str, Any]:
    frame = {"lang": "en_GB", "scope": "open"}
    if len(number) not in _LENGTHS:
        return frame | {"returnCode": 400, "returnMessage": "The number is not valid.", "idShip": number}
    if sight is None:
        return frame | {"returnCode": 404, "returnMessage": "We have no information on it.", "idShip": number}
    steps = list(enumerate(sight.steps, 1))
    shipment: dict[str, Any] = {
        "idShip": number,
        "holder": 4,
        "product": sight.route.product,
        "isFinal": sight.is_over,
        "entryDate": sight.moment(sight.steps[0]).isoformat(),
        "estimDate": sight.expected.isoformat(),
        "timeline": [{"id": 1, "shortLabel": sight.steps[-1].description, "status": True, "type": 1}],
        "event": [
            {"order": place, "code": step.code, "label": step.description, "date": sight.moment(step).isoformat()}
            for place, step in steps[::-1]
        ],
        "contextData": {"originCountry": "FR", "arrivalCountry": "FR"},
    }
    if sight.is_over:
        shipment["deliveryDate"] = sight.expected.isoformat()
    return frame | {"returnCode": _ALL_PARTS, "shipment": shipment}
