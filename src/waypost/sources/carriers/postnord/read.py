"""PostNord's answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel."""

from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.statuses import Status
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.answers import decode_part
from waypost.sources.reading import clean

_OK: Final = 200
_NOT_FOUND: Final = "not found"

_TABLE: Final = codes.load(__package__)["status"]


class _Place(msgspec.Struct, frozen=True, rename="camel"):
    """Where an event was; ``Address`` of a party has the same fields."""

    city: str | None = None
    country_code: str | None = None
    postcode: str | None = None
    display_name: str | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_time: str | None = None
    event_code: str | None = None
    status: str | None = None
    event_description: str | None = None
    location: msgspec.Raw = msgspec.Raw(b"null")


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    item_id: str | None = None
    status: str | None = None
    events: tuple[msgspec.Raw, ...] = ()


class _Named(msgspec.Struct, frozen=True):
    name: str | None = None


class _Party(msgspec.Struct, frozen=True):
    address: _Place | None = None


class _Shipment(msgspec.Struct, frozen=True, rename="camel"):
    shipment_id: str | None = None
    estimated_time_of_arrival: str | None = None
    service: msgspec.Raw = msgspec.Raw(b"null")
    consignor: msgspec.Raw = msgspec.Raw(b"null")
    consignee: msgspec.Raw = msgspec.Raw(b"null")
    items: tuple[msgspec.Raw, ...] = ()


class _Fault(msgspec.Struct, frozen=True, rename="camel"):
    fault_code: str | None = None
    explanation_text: str | None = None


class _Faults(msgspec.Struct, frozen=True):
    faults: tuple[_Fault, ...] = ()


class _Response(msgspec.Struct, frozen=True, rename="camel"):
    shipments: tuple[msgspec.Raw, ...] = ()
    composite_fault: _Faults | None = None


class _Answer(msgspec.Struct, frozen=True):
    response: _Response = msgspec.field(name="TrackingInformationResponse")


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what PostNord's answer says about a number. Raise CarrierUnavailable if it can't be read.

    "No such number" is PostNord's own frame without a shipment, and with no fault except "Not found".
    """
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    response = reading.decode(body, _Answer).response
    if not response.shipments:
        faults = () if response.composite_fault is None else response.composite_fault.faults
        others = [one for one in faults if (clean(one.explanation_text) or "").rstrip(".").casefold() != _NOT_FOUND]
        if others:
            raise CarrierUnavailable(f"the carrier answered {clean(others[0].fault_code, most=40) or 'a fault'}")
        return Update(Source.POLL, unknown_number=True)
    shipments = list(reading.each(response.shipments, _Shipment))
    found = [(one, item) for one in shipments for item in reading.each(one.items, _Item)]
    if not found:
        raise CarrierUnavailable("the response has no item")
    shipment, item = _choose(found, tracking_number)
    taken = scans.take(item.events, _Event, "events", _scan, newest_first=False)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(shipment), skipped=taken.skipped)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of PostNord says by the codes known today; None if it came without a status."""
    status = (kept.raw_status or "").partition("/")[0]
    return codes.interpret([(status, _TABLE)], [kept.tracking_detail]) if status else None


def _choose(found: list[tuple[_Shipment, _Item]], tracking_number: str) -> tuple[_Shipment, _Item]:
    """Return the item with that number; of a shipment the first item that isn't delivered, otherwise the last."""
    own = next((one for one in found if one[1].item_id == tracking_number), None)
    return own or next((one for one in found if _says(one[1].status).status is not Status.DELIVERED), found[-1])


def _says(status: str | None) -> Reading:
    return codes.interpret([(status, _TABLE)], [])


def _scan(event: _Event) -> Checkpoint | SkipReason:
    location = decode_part(event.location, _Place, "location")
    place = location if isinstance(location, _Place) else _Place()
    status, code = clean(event.status), clean(event.event_code)
    return scans.scan(
        when=reading.iso_time(event.event_time),
        detail=clean(event.event_description),
        where=reading.place(city=place.city or place.display_name, zip=place.postcode, country_code=place.country_code),
        says=codes.interpret([(event.status, _TABLE)], [event.event_description]),
        raw_status=f"{status}/{code}" if status and code else status,
    )


def _facts(shipment: _Shipment) -> dict[str, str]:
    service = decode_part(shipment.service, _Named, "service")
    origin, destination = _address(shipment.consignor), _address(shipment.consignee)
    return reading.known(
        {
            "service_code": clean(service.name) if isinstance(service, _Named) else None,
            "pieces": str(len(shipment.items)) if len(shipment.items) > 1 else None,
            "scheduled_delivery_date": reading.day(shipment.estimated_time_of_arrival),
            "origin_country": reading.country(origin.country_code),
            "origin_city": clean(origin.city),
            "destination_country": reading.country(destination.country_code),
            "destination_city": clean(destination.city),
        }
    )


def _address(raw: msgspec.Raw) -> _Place:
    party = decode_part(raw, _Party, "party")
    return party.address if isinstance(party, _Party) and party.address is not None else _Place()
