"""UPS' Track API v1: a token by client credentials, one number in the path, packages within shipments."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, Final
from urllib.parse import parse_qs

from examples.carriers.formats.format import Format, basic, is_right
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

_RALEIGH: Final = Place("RALEIGH", "US", "27601", "-05:00", "NC")
_CHARLOTTE: Final = Place("CHARLOTTE", "US", "28202", "-05:00", "NC")
_WORDS: Final = {
    What.ANNOUNCED: ("M MP 003", "Shipper created a label, UPS has not received the package yet. "),
    What.PICKED_UP: ("P PU 038", "Pickup Scan "),
    What.DEPARTED: ("I DP 005", "Departed from Facility"),
    What.ARRIVED: ("I AR 005", "Arrived at Facility"),
    What.OUT: ("I OT 021", "Out For Delivery Today"),
    What.NOBODY_HOME: ("X 48 022", "The customer was not available. A second attempt will be made."),
    What.DELIVERED: ("D FS 011", "DELIVERED "),
    What.RETURNING: ("X A1 036", "Return to sender requested"),
    What.RETURNED: ("D RS 034", "Returned to Sender"),
}
_ACTIVITY_FIELDS: Final = ("type", "code", "statusCode")
_TROUBLES: Final = {
    429: ("10429", "Too Many Requests"),
    500: ("10500", "Internal server error"),
    503: ("10503", "Down"),
}


def _route(number: str, shape: Shape, ends_as: str, signed_by: str | None = None) -> Route:
    steps = travel(shape, _WORDS, _RALEIGH, _CHARLOTTE)
    return Route(number, "ups", "518", "UPS Ground", 0.9, steps, ends_as, signed_by=signed_by)


class Ups(Format):
    """UPS' answers."""

    token_path: ClassVar = "/security/v1/oauth/token"  # noqa: S105 - a path
    routes: ClassVar = (
        _route("1Z245X570311777741", TO_THE_DOOR, "delivered001", "A BUYER"),
        _route("1Z395R550313137353", AT_THE_SECOND_ATTEMPT, "delivered001"),
        _route("1Z544X920307074137", SENT_BACK, "exception010"),
        _route("1Z470V220376544446", TO_THE_DOOR, "delivered001"),
    )

    def token(self, request: Request) -> Reply:
        """See ``Format``."""
        user, password = basic(request)
        granted = parse_qs(request.body.decode("latin-1")).get("grant_type") == ["client_credentials"]
        if not is_right(user, password) or not granted:
            return self.refusal()
        # UPS writes numbers of a token as texts.
        return in_json(
            200,
            {
                "token_type": "Bearer",
                "issued_at": "1772000000000",
                "client_id": user,
                "access_token": self.issue(),
                "scope": "",
                "expires_in": str(self.token_seconds),
                "refresh_count": "0",
                "status": "approved",
            },
        )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return self.has_token(request) and "transid" in request.headers and "transactionsrc" in request.headers

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _errors(401, "250002", "Invalid Authentication Information")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _errors(status, *_TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        number = request.path.removeprefix("/api/track/v1/details/")
        return [number] if request.method == "GET" and number != request.path and "/" not in number else None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((number, sight),) = sights.items()
        if sight is None:
            warning = {"code": "TW0001", "message": "Tracking Information Not Found"}
            shipment: dict[str, Any] = {"inquiryNumber": number, "warnings": [warning]}
        else:
            shipment = {"inquiryNumber": number, "package": [_package(sight)], "userRelation": ["SHIPPER"]}
        return in_json(200, {"trackResponse": {"shipment": [shipment]}})


FORMAT: Final = Ups


def _errors(status: int, code: str, message: str) -> Reply:
    return in_json(status, {"response": {"errors": [{"code": code, "message": message}]}})


def _package(sight: Sight) -> dict[str, Any]:
    newest = sight.steps[-1]
    kind, _, digits = newest.code.split()
    text = newest.description.strip()
    package: dict[str, Any] = {
        "trackingNumber": sight.number,
        # The status has three digits where a scan has two letters.
        "currentStatus": {"type": kind, "code": digits, "description": text, "simplifiedTextDescription": text},
        "activity": [_activity(sight, step) for step in sight.steps[::-1]],
        "packageCount": 1,
        "service": {"code": sight.route.service, "levelCode": "011", "description": sight.route.product},
        "weight": {"unitOfMeasurement": "LBS", "weight": f"{sight.route.kilograms / 0.45359237:.2f}"},
        "referenceNumber": [{"type": "SHIPMENT", "number": "ORDER-7"}],
        "packageAddress": [
            {"type": "ORIGIN", "address": _address(sight.route.origin)},
            {"type": "DESTINATION", "address": _address(sight.route.destination)},
        ],
    }
    expected = sight.expected
    if not sight.is_over:
        window = {"type": "EDW", "startTime": f"{expected:%H}0000", "endTime": f"{(expected.hour + 2) % 24:02}0000"}
        return package | {"deliveryDate": [{"type": "SDD", "date": f"{expected:%Y%m%d}"}], "deliveryTime": window}
    received = {"location": "Front Door", "receivedBy": sight.route.signed_by or ""}
    return package | {
        "deliveryDate": [{"type": "DEL", "date": f"{expected:%Y%m%d}"}],
        "deliveryTime": {"type": "DEL", "endTime": f"{expected:%H%M%S}"},
        "deliveryInformation": received,
    }


def _activity(sight: Sight, step: Step) -> dict[str, Any]:
    at = sight.moment(step)
    utc = at.astimezone(UTC)
    return {
        "date": f"{at:%Y%m%d}",
        "time": f"{at:%H%M%S}",
        "gmtDate": f"{utc:%Y%m%d}",
        "gmtTime": f"{utc:%H:%M:%S}",
        "gmtOffset": step.place.offset,
        "location": {"address": _address(step.place), "slic": "2841"},
        "status": {"description": step.description} | dict(zip(_ACTIVITY_FIELDS, step.code.split(), strict=True)),
    }


def _address(place: Place) -> dict[str, str]:
    return {
        "city": place.town,
        "stateProvince": place.region,
        "postalCode": "",
        "countryCode": place.country,
        "country": place.country,
    }
