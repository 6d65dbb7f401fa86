"""PostNL's answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel.

PostNL's API was XML once: empty values are ``{}``, and a list of one is its element.
"""

from collections.abc import Container, Iterable
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.answers import decode_part
from waypost.sources.reading import When, clean

_OK: Final = 200
_UNKNOWN: Final = "2"
_NOT_APPLICABLE: Final = "99"
_RECEIVER, _SENDER = "01", "02"

_TABLES: Final = codes.load(__package__)
_HERE: Final = ZoneInfo("Europe/Amsterdam")
_DAY_AND_TIME: Final = "%d-%m-%Y %H:%M:%S"
_EXPECTED: Final = "%m/%d/%Y %H:%M:%S"


class _Address(msgspec.Struct, frozen=True, rename="pascal"):
    address_type: Any = None
    city: Any = None
    country_code: Any = None


class _Event(msgspec.Struct, frozen=True, rename="pascal"):
    code: Any = None
    description: Any = None
    time_stamp: Any = None


class _Status(msgspec.Struct, frozen=True, rename="pascal"):
    status_code: Any = None
    status_description: Any = None
    time_stamp: Any = None


class _Shipment(msgspec.Struct, frozen=True, rename="pascal"):
    main_barcode: Any = None
    barcode: Any = None
    shipment_amount: Any = None
    product_description: Any = None
    reference: Any = None
    delivery_date: Any = None
    dimension: Any = None
    expectation: Any = None
    address: msgspec.Raw = msgspec.Raw(b"null")
    event: msgspec.Raw = msgspec.Raw(b"null")
    status: msgspec.Raw = msgspec.Raw(b"null")
    old_status: msgspec.Raw = msgspec.Raw(b"null")


class _Shipments(msgspec.Struct, frozen=True, rename="pascal"):
    shipment: msgspec.Raw = msgspec.Raw(b"null")


class _Warning(msgspec.Struct, frozen=True, rename="pascal"):
    code: Any = None


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """``CompleteStatus`` is the history; PostNL returns ``CurrentStatus`` if it has none."""

    complete_status: _Shipments | None = None
    current_status: _Shipments | None = None
    warnings: msgspec.Raw = msgspec.Raw(b"null")


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what PostNL's answer says about a barcode. Raise CarrierUnavailable if it can't be read.

    "No such barcode" counts only with PostNL's own warning, which has status 200.
    """
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    answer = reading.decode(body, _Answer)
    told = answer.complete_status or answer.current_status
    shipment = None if told is None else _choose(reading.each(_several(told.shipment), _Shipment), tracking_number)
    if shipment is None:
        if any(str(one.code) == _UNKNOWN for one in reading.each(_several(answer.warnings), _Warning)):
            return Update(Source.POLL, unknown_number=True)
        if told is None:
            raise reading.unreadable(body, "it has no status")
        raise CarrierUnavailable("the response has no parcel of that barcode")
    taken = _scans(shipment)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(shipment), skipped=taken.skipped)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of PostNL says by the codes known today; None if it came without a code."""
    code, _, status = (kept.raw_status or "").partition("/")
    return _interpret(code, status, kept.tracking_detail) if kept.raw_status else None


def _several(raw: msgspec.Raw) -> tuple[msgspec.Raw, ...]:
    """Return the parts of a list, or the one element that stands for a list; nothing for an empty value."""
    try:
        told = msgspec.json.decode(raw, type=tuple[msgspec.Raw, ...] | dict[str, msgspec.Raw] | None)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ()
    if isinstance(told, dict):
        return (raw,) if told else ()
    return told or ()


def _choose(found: Iterable[_Shipment], tracking_number: str) -> _Shipment | None:
    """Return the parcel with that barcode; the main barcode of several parcels leads to all of them."""
    shipments = list(found)
    own = next((one for one in shipments if one.barcode == tracking_number), None)
    return own or next((one for one in shipments if one.main_barcode == tracking_number), None)


def _scans(shipment: _Shipment) -> scans.Scans:
    """Return the events; also the current status if no event has its time, and every status if there is no event."""
    old, current = _several(shipment.old_status), _several(shipment.status)
    at = {when: code for code, when in map(_told, reading.each((*old, *current), _Status)) if when and code}

    def event(one: _Event) -> Checkpoint | SkipReason:
        when = _when(one.time_stamp)
        return _scan(when, one.description, clean(one.code), at.get(when) if when else None)

    def status(one: _Status) -> Checkpoint | SkipReason:
        return _scan(_when(one.time_stamp), one.status_description, None, clean(one.status_code))

    events = scans.take(_several(shipment.event), _Event, "Event", event)
    times = {scan.checkpoint_date for scan in events.checkpoints}
    untold = _untold(current if times else (*old, *current), times)
    others = scans.take(untold, _Status, "Status", status)
    joined = sorted((*events.checkpoints, *others.checkpoints), key=lambda one: one.checkpoint_date)
    return scans.Scans(tuple(joined), (*events.skipped, *others.skipped))


def _untold(statuses: Iterable[msgspec.Raw], times: Container[str]) -> list[msgspec.Raw]:
    """Return the statuses that no event reports, each once; one that does not apply is left out."""
    untold: dict[tuple[str | None, When | None], msgspec.Raw] = {}
    for raw in statuses:
        one = decode_part(raw, _Status, "Status")
        code, when = _told(one) if isinstance(one, _Status) else (None, None)
        if code != "" and (when is None or when.wall_time not in times):
            untold.setdefault((code, when), raw)
    return list(untold.values())


def _told(status: _Status) -> tuple[str, When | None]:
    """Return a status' code, empty for one that does not apply, and its time."""
    code = clean(status.status_code)
    return "" if code in (None, _NOT_APPLICABLE) else str(code), _when(status.time_stamp)


def _scan(when: When | None, text: object, code: str | None, status: str | None) -> Checkpoint | SkipReason:
    raw_status = f"{code or ''}/{status}" if status else code
    detail = clean(text)
    return scans.scan(
        when=when, detail=detail, where=reading.NOWHERE, says=_interpret(code, status, detail), raw_status=raw_status
    )


def _interpret(code: str | None, status: str | None, text: str | None) -> Reading:
    return codes.interpret(((code, _TABLES["event"]), (status, _TABLES["status"])), [text])


def _when(text: object) -> When | None:
    """Read ``07-03-2018 23:20:05``, with or without a fraction: the time in the Netherlands."""
    local = reading.when(text.partition(".")[0], _DAY_AND_TIME) if isinstance(text, str) else None
    return None if local is None else reading.in_zone(local, _HERE)


def _facts(shipment: _Shipment) -> dict[str, str]:
    addresses = {one.address_type: one for one in reading.each(_several(shipment.address), _Address) if _is_text(one)}
    origin, destination = addresses.get(_SENDER, _Address()), addresses.get(_RECEIVER, _Address())
    amount = clean(shipment.shipment_amount) or ""
    begins, ends = (_expected(shipment, end) for end in ("ETAFrom", "ETATo"))
    return reading.known(
        {
            "service_code": reading.clean_html(shipment.product_description),
            "pieces": amount if amount.isascii() and amount.isdigit() and amount.strip("0") not in ("", "1") else None,
            "reference_number": clean(shipment.reference),
            "scheduled_delivery_date": reading.day(shipment.delivery_date if begins is None else begins.wall_time),
            "origin_country": reading.country(origin.country_code),
            "origin_city": clean(origin.city),
            "destination_country": reading.country(destination.country_code),
            "destination_city": clean(destination.city),
            **reading.weight(_inside(shipment.dimension, "Weight"), "g"),
            **reading.window(begins, ends),
        }
    )


def _expected(shipment: _Shipment, end: str) -> When | None:
    """Return one end of the delivery's window, which PostNL writes in one of two forms."""
    text = _inside(shipment.expectation, end)
    return reading.iso_time(text) or (reading.when(text, _EXPECTED) if isinstance(text, str) else None)


def _is_text(address: _Address) -> bool:
    return isinstance(address.address_type, str)


def _inside(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
