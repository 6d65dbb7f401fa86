"""GLS' Track & Trace v1: a token, up to ten numbers in the path, and for an unknown one an error in a 200."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from examples.carriers.formats.format import Format, basic, is_right
from examples.carriers.journeys import COLLECTED, TO_THE_DOOR, Place, Route, Shape, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_json

_NEUENSTEIN: Final = Place("Neuenstein", "DE", "36286", "+01:00")
_BERLIN: Final = Place("Berlin", "DE", "10437", "+01:00")
_WORDS: Final = {
    # GLS misspells its own code.
    What.ANNOUNCED: ("INTIAL.PREADVICE", "The parcel data was entered into the GLS IT system."),
    What.PICKED_UP: ("INTRANSIT.NORMAL", "The parcel has left the parcel center."),
    What.ARRIVED: ("INTRANSIT.NORMAL", "The parcel has reached the parcel center."),
    What.OUT: ("INDELIVERY.NORMAL", "The parcel is expected to be delivered during the day."),
    What.TO_COLLECT: ("DELIVEREDPS.NORMAL", "The parcel has been delivered at the ParcelShop."),
    What.DELIVERED: ("DELIVERED.NORMAL", "The parcel has been delivered."),
}
_TROUBLES: Final = {429: "Too Many Requests", 500: "Internal Server Error", 503: "Service Unavailable"}


def _route(number: str, shape: Shape, ends_as: str) -> Route:
    return Route(number, "gls-de", "", "", 3.0, travel(shape, _WORDS, _NEUENSTEIN, _BERLIN), ends_as)


class Gls(Format):
    """GLS' answers."""

    token_path: ClassVar = "/oauth2/v2/token"  # noqa: S105 - a path
    routes: ClassVar = (
        _route("40640785727", TO_THE_DOOR, "delivered001"),
        _route("36301917596", COLLECTED[:-1], "pickup002"),
    )

    def token(self, request: Request) -> Reply:
        """See ``Format``; GLS takes the credentials in the header or in the form."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        user, password = basic(request)
        told = user or form.get("client_id", ""), password or form.get("client_secret", "")
        if not is_right(*told) or form.get("grant_type") != "client_credentials":
            return in_json(401, {"error": "invalid_client", "error_description": "Invalid client credentials"})
        return in_json(200, {"access_token": self.issue(), "token_type": "Bearer", "expires_in": self.token_seconds})

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return self.has_token(request)

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _fault(401, "Unauthorized")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _fault(status, _TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        path = request.path.removeprefix("/track-and-trace-v1/tracking/simple/trackids/")
        return path.split(",")[:10] if request.method == "GET" and path != request.path else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        return in_json(200, {"parcels": [_parcel(number, sight) for number, sight in sights.items()]})


FORMAT: Final = Gls


def _fault(status: int, message: str) -> Reply:
    return in_json(status, {"errorCode": f"E_{status}_01", "errorMessage": message})


def _parcel(number: str, sight: Sight | None) -> dict[str, Any]:
    if sight is None:
        return {"requested": number, "errorCode": "E_404_01", "errorMessage": "Resource Not Found"}
    newest = sight.steps[-1]
    status = "PREADVICE" if newest.code.endswith("PREADVICE") else newest.code.partition(".")[0]
    return {
        "requested": number,
        "unitno": number,
        "status": status,
        "statusDateTime": _written(sight, newest),
        "events": [_event(sight, step) for step in sight.steps[::-1]],
    }


def _event(sight: Sight, step: Step) -> dict[str, str]:
    is_ours = not step.code.endswith("PREADVICE")
    return {
        "code": step.code,
        "city": step.place.town if is_ours else "",
        "postalCode": step.place.postcode if is_ours else "",
        "country": step.place.country,
        "description": step.description,
        "eventDateTime": _written(sight, step),
    }


def _written(sight: Sight, step: Step) -> str:
    return f"{sight.moment(step):%Y-%m-%dT%H:%M:%S%z}"
