"""Hermes Germany's Shipment Info: a user's token, up to 100 numbers in the query, a result code for an unknown one."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import (
    AT_THE_SECOND_ATTEMPT,
    COLLECTED,
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

_HAMBURG: Final = Place("Hamburg", "DE", "22419", "+01:00")
_KASSEL: Final = Place("Kassel", "DE", "34117", "+01:00")
_WORDS: Final = {
    What.ANNOUNCED: ("0000", "The shipment has been announced to Hermes."),
    What.PICKED_UP: ("1000", "The shipment has been sorted by Hermes."),
    What.ARRIVED: ("2000", "The shipment has arrived at the delivery base."),
    What.OUT: ("3000", "The shipment is out for delivery."),
    What.NOBODY_HOME: ("4000", "The recipient could not be met."),
    What.TO_COLLECT: ("5000", "The shipment is ready for collection in the PaketShop."),
    What.DELIVERED: ("3500", "The shipment has been delivered."),
}
_TROUBLES: Final = {429: ("e429", "Too many requests"), 500: ("e900", "Internal error"), 503: ("e901", "Unavailable")}


def _route(number: str, shape: Shape, ends_as: str) -> Route:
    return Route(number, "hermes-de", "", "", 1.2, travel(shape, _WORDS, _HAMBURG, _KASSEL), ends_as)


class HermesGermany(Format):
    """Hermes Germany's answers."""

    token_path: ClassVar = "/authorization-facade/oauth2/access_token"  # noqa: S105 - a path
    routes: ClassVar = (
        _route("H1028757678406342491", TO_THE_DOOR, "delivered001"),
        _route("H1021015521918231501", AT_THE_SECOND_ATTEMPT, "delivered001"),
        _route("H1052257890742288607", COLLECTED, "delivered001"),
    )

    def token(self, request: Request) -> Reply:
        """See ``Format``."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        told = [form.get(name, "") for name in ("username", "password", "client_id", "client_secret")]
        if not is_right(*told) or form.get("grant_type") != "password":
            return in_json(401, {"error": "invalid_grant", "error_description": "The credentials are not valid."})
        return in_json(200, {"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.token_seconds})

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return self.has_token(request)

    def refusal(self) -> Reply:
        """See ``Format``: a token that is not valid is refused by a code, with a 400."""
        return _results(400, "e902", "The token is not valid.")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _results(status, *_TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        if (request.method, request.path) != ("GET", "/services/hsi/shipmentinfo"):
            return None
        return list(request.query.get("shipmentID", []))[:100]

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        return in_json(200, {"shipmentinfo": [_shipment(number, sight) for number, sight in sights.items()]})


FORMAT: Final = HermesGermany


def _results(status: int, code: str, message: str) -> Reply:
    return in_json(status, {"listOfResultCodes": [{"code": code, "message": message}]})


def _shipment(number: str, sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        unknown = {"code": "e001", "message": "There is no information for the entered value."}
        return {"shipmentID": number, "result": unknown}
    destination = sight.route.destination
    return {
        "shipmentID": number,
        "receiverAddress": {"city": destination.town, "zipCode": destination.postcode, "countryCode": "DEU"},
        "deliveryForecast": {"date": f"{sight.expected:%Y-%m-%d}", "timeSlot": {"from": "10:00", "to": "14:00"}},
        "status": [_status(sight, step) for step in sight.steps],
    }


def _status(sight: Sight, step: Step) -> dict[str, Any]:
    return {
        "timestamp": sight.moment(step).isoformat(),
        "code": step.code,
        "description": step.description,
        "scanningUnit": {"name": "Base", "city": step.place.town, "countryCode": "DEU"},
    }
