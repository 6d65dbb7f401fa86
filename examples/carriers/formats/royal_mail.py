"""Royal Mail's Tracking API v2: two headers for the key, one number in the path, errors within the mail piece."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from examples.carriers.formats.format import Format, is_right
from examples.carriers.journeys import (
    AT_THE_SECOND_ATTEMPT,
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

_MEDWAY: Final = Place("Medway MC", "GB", "ME2 4NN", "+00:00")
_STAFFORD: Final = Place("Stafford DO", "GB", "ST16 2AA", "+00:00")
_WORDS: Final = {
    What.ANNOUNCED: ("EVAIP", "Sender despatching item"),
    What.PICKED_UP: ("EVDAC", "Item Received"),
    What.DEPARTED: ("EVIMC", "Item at Mail Centre"),
    What.ARRIVED: ("EVDAV", "Arrived at Delivery Office"),
    What.OUT: ("EVGPD", "Due for delivery today"),
    What.NOBODY_HOME: ("EVKNA", "No Answer"),
    What.DELIVERED: ("EVKSP", "Delivered"),
    What.RETURNING: ("EVKGA", "Addressee gone away"),
    What.RETURNED: ("EVRTS", "Returned to Sender"),
}
_CATEGORIES: Final = {"EVKNA": "DELIVERY ATTEMPTED", "EVKSP": "DELIVERED", "EVKGA": "RETURNING TO SENDER"}
_TROUBLES: Final = {429: ("E0010", "Too many requests"), 500: ("E0009", "Internal error"), 503: ("E0001", "Down")}


def _route(number: str, shape: Shape, ends_as: str, signed_by: str | None = None) -> Route:
    steps = travel(shape, _WORDS, _MEDWAY, _STAFFORD)
    return Route(number, "royal-mail", "TPLN", "Tracked 48", 0.5, steps, ends_as, signed_by=signed_by)


class RoyalMail(Format):
    """Royal Mail's answers."""

    routes: ClassVar = (
        _route("FQ996089474GB", TO_THE_DOOR, "delivered001", "BUYER"),
        _route("FQ872066414GB", AT_THE_SECOND_ATTEMPT, "delivered001"),
        _route("FQ900522845GB", SENT_BACK, "exception010"),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        told = [request.headers.get(f"x-ibm-client-{name}", "") for name in ("id", "secret")]
        return is_right(*told) and request.headers.get("x-accept-rmg-terms") == "yes"

    def refusal(self) -> Reply:
        """See ``Format``."""
        body = {
            "httpCode": "401",
            "httpMessage": "Unauthorized",
            "moreInformation": "Client id not registered.",
        }
        return in_json(401, body)

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        code, text = _TROUBLES[status]
        error = {"errorCode": code, "errorDescription": text, "errorCause": "", "errorResolution": ""}
        return in_json(status, {"httpCode": str(status), "httpMessage": text, "errors": [error]})

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        match request.path.split("/"):
            case ["", "mailpieces", "v2", number, "events"] if request.method == "GET":
                return [number]
            case _:
                return None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((_, sight),) = sights.items()
        if sight is None:
            error = {
                "errorCode": "E1142",
                "errorDescription": "Barcode reference isn't recognised",
                "errorCause": "A mail item with that barcode cannot be located",
                "errorResolution": "Check barcode and resubmit",
            }
            return in_json(404, {"httpCode": "404", "httpMessage": "Not Found", "errors": [error]})
        return in_json(200, {"mailPieces": _mail_piece(sight)})


FORMAT: Final = RoyalMail


def _mail_piece(sight: Sight) -> dict[str, Any]:
    newest, route = sight.steps[-1], sight.route
    piece: dict[str, Any] = {
        "mailPieceId": f"090367574000000{sight.number[2:8]}",
        "carrierShortName": "RM",
        "carrierFullName": "Royal Mail Group Ltd",
        "summary": {
            "oneDBarcode": sight.number,
            "productId": route.service,
            "productName": route.product,
            "destinationCountryCode": "GBR",
            "originCountryCode": "GBR",
            "lastEventCode": newest.code,
            "lastEventName": newest.description,
            "lastEventDateTime": sight.moment(newest).isoformat(),
            "lastEventLocationName": newest.place.town,
            "statusDescription": newest.description,
            "statusCategory": _CATEGORIES.get(newest.code, "IN TRANSIT"),
        },
        "estimatedDelivery": {
            "date": f"{sight.expected:%Y-%m-%d}",
            "startOfEstimatedWindow": "08:00:00+00:00",
            "endOfEstimatedWindow": "11:00:00+00:00",
        },
        "events": [_event(sight, step) for step in sight.steps[::-1]],
        "links": {},
    }
    if sight.is_over and route.signed_by is not None:
        at = sight.expected.isoformat()
        piece["signature"] = {"recipientName": route.signed_by, "signatureDateTime": at, "imageId": "001234"}
    return piece


def _event(sight: Sight, step: Step) -> dict[str, str]:
    return {
        "eventCode": step.code,
        "eventName": step.description,
        "eventDateTime": sight.moment(step).isoformat(),
        "locationName": "" if step.code == "EVAIP" else step.place.town,
    }
