"""Canada Post's Tracking (REST, XML): one number in the path, a media type of its own, messages for all errors."""

from collections.abc import Mapping
from typing import ClassVar, Final
from xml.etree.ElementTree import Element, SubElement

from examples.carriers.formats.format import Format, basic, is_right
from examples.carriers.journeys import TO_THE_DOOR, Place, Route, Shape, Sight, Step, What, travel
from examples.carriers.wire import Reply, Request, in_xml

_MEDIA_TYPE: Final = "application/vnd.cpc.track-v2+xml"
_OTTAWA: Final = Place("OTTAWA", "CA", "K1A0B1", "-05:00", "ON")
_MONTREAL: Final = Place("MONTREAL", "CA", "H2Y1C6", "-05:00", "QC")
_WORDS: Final = {
    What.ANNOUNCED: ("3000", "Electronic information submitted by shipper"),
    What.PICKED_UP: ("2300", "Item picked up by Canada Post"),
    What.DEPARTED: ("0170", "Item processed"),
    What.ARRIVED: ("0100", "Item processed at postal facility"),
    What.OUT: ("0174", "Item out for delivery"),
    What.NOBODY_HOME: ("1479", "Attempted delivery. Notice card left indicating where item can be picked up."),
    What.DELIVERED: ("1496", "Item successfully delivered"),
}
_ATTEMPTED: Final[Shape] = (*TO_THE_DOOR[:5], (1, "11:59", What.NOBODY_HOME, 1))
_TROUBLES: Final = {429: "Rejected by SLM Monitor", 500: "Internal error", 503: "Service unavailable"}


def _route(number: str, shape: Shape, ends_as: str, signed_by: str | None = None) -> Route:
    steps = travel(shape, _WORDS, _OTTAWA, _MONTREAL)
    return Route(number, "canada-post", "", "Expedited Parcels", 1.5, steps, ends_as, signed_by=signed_by)


class CanadaPost(Format):
    """Canada Post's answers."""

    routes: ClassVar = (
        _route("7024441910398129", TO_THE_DOOR, "delivered001", "A. BUYER"),
        _route("7015484749695030", _ATTEMPTED, "undelivered004"),
    )

    def is_allowed(self, request: Request) -> bool:
        """See ``Format``."""
        return is_right(*basic(request))

    def refusal(self) -> Reply:
        """See ``Format``."""
        return _message(401, "E002", "AAA Authentication Failure")

    def trouble(self, status: int) -> Reply:
        """See ``Format``."""
        return _message(status, "Server", _TROUBLES[status])

    def numbers(self, request: Request) -> list[str] | None:
        """See ``Format``."""
        match request.path.split("/"):
            case ["", "vis", "track", "pin" | "dnc", number, "detail"] if request.method == "GET":
                return [number] if request.headers.get("accept") == _MEDIA_TYPE else None
            case _:
                return None

    def answer(self, sights: Mapping[str, Sight | None]) -> Reply:
        """See ``Format``."""
        ((_, sight),) = sights.items()
        return _message(404, "004", "No Pin History") if sight is None else in_xml(200, _detail(sight), _MEDIA_TYPE)


FORMAT: Final = CanadaPost


def _message(status: int, code: str, description: str) -> Reply:
    root = Element("messages", xmlns="http://www.canadapost.ca/ws/messages")
    message = SubElement(root, "message")
    SubElement(message, "code").text = code
    SubElement(message, "description").text = description
    return in_xml(status, root, _MEDIA_TYPE)


def _detail(sight: Sight) -> Element:
    root = Element("tracking-detail", xmlns="http://www.canadapost.ca/ws/track-v2")
    told = {
        "pin": sight.number,
        "active-exists": "1",
        "destination-postal-id": sight.route.destination.postcode,
        "expected-delivery-date": f"{sight.expected:%Y-%m-%d}",
        "service-name": sight.route.product,
        "signature-image-exists": "false",
    }
    for name, text in told.items():
        SubElement(root, name).text = text
    events = SubElement(root, "significant-events")
    for step in sight.steps[::-1]:
        _occurrence(events, sight, step)
    return root


def _occurrence(events: Element, sight: Sight, step: Step) -> None:
    at = sight.moment(step)
    is_last = sight.is_over and step is sight.steps[-1]
    told = {
        "event-identifier": step.code,
        "event-date": f"{at:%Y-%m-%d}",
        "event-time": f"{at:%H:%M:%S}",
        "event-time-zone": "EST",
        "event-description": step.description,
        "signatory-name": (sight.route.signed_by or "") if is_last else "",
        "event-site": step.place.town,
        "event-province": step.place.region,
    }
    occurrence = SubElement(events, "occurrence")
    for name, text in told.items():
        SubElement(occurrence, name).text = text
