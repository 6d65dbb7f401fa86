"""Hermes Germany's answer as Updates: pure, tolerant of unknown parts, strict about what changes a parcel."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.answers import decode_part
from waypost.sources.reading import clean

_OK: Final = 200
_UNKNOWN: Final = "e001"
_TOKEN_REFUSED: Final = frozenset({"e902", "e903"})
"""A token that is not valid, and one that has expired."""

_TABLES: Final = codes.load(__package__)
_IN_THREES: Final = re.compile(r"(\d{1,3})-(\d{1,3})-(\d{1,3})|(\d{3})(\d{3})(\d{3})", re.ASCII)


class _ResultCode(msgspec.Struct, frozen=True):
    code: str | None = None


class _Address(msgspec.Struct, frozen=True, rename="camel"):
    city: str | None = None
    country_code: str | None = None


class _TimeSlot(msgspec.Struct, frozen=True):
    begins: str | None = msgspec.field(default=None, name="from")
    ends: str | None = msgspec.field(default=None, name="to")


class _Forecast(msgspec.Struct, frozen=True, rename="camel"):
    date: str | None = None
    time_slot: msgspec.Raw = msgspec.Raw(b"null")


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    timestamp: str | None = None
    code: str | None = None
    description: str | None = None
    scanning_unit: msgspec.Raw = msgspec.Raw(b"null")


class _Shipment(msgspec.Struct, frozen=True, rename="camel"):
    shipment_id: str | None = msgspec.field(default=None, name="shipmentID")
    international_shipment_id: str | None = msgspec.field(default=None, name="internationalShipmentID")
    client_reference: str | None = None
    tracking_link: str | None = None
    receiver_address: msgspec.Raw = msgspec.Raw(b"null")
    delivery_forecast: msgspec.Raw = msgspec.Raw(b"null")
    status: tuple[msgspec.Raw, ...] = ()
    result: _ResultCode | None = None


class _Answer(msgspec.Struct, frozen=True):
    shipmentinfo: tuple[msgspec.Raw, ...]


class _Problem(msgspec.Struct, frozen=True, rename="camel"):
    list_of_result_codes: tuple[_ResultCode, ...] = ()


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what Hermes' answer says about a number. Raise CarrierUnavailable if it can't be read."""
    return answers.only(read_answers(status, body, [tracking_number]))


def read_answers(status: int, body: bytes, numbers: Sequence[str]) -> list[Update | CarrierError]:
    """Return what Hermes' answer says about each number, or why that is unknown.

    "No such number" counts only with Hermes' own code. Raise CarrierUnavailable for a failure of the whole answer.
    """
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    parts = reading.decode(body, _Answer).shipmentinfo
    by_number: dict[str | None, _Shipment] = {}
    for one in reading.each(parts, _Shipment):
        by_number.setdefault(one.international_shipment_id, one)
        by_number[one.shipment_id] = one
    return [_read(by_number.get(number)) for number in numbers]


def is_token_refused(body: bytes) -> bool:
    """Return whether an answer, whatever its status, says that the token is no longer valid."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    return any(result.code in _TOKEN_REFUSED for result in problem.list_of_result_codes)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of Hermes says by the codes known today; None if it came without a code."""
    return _interpret(kept.raw_status, kept.tracking_detail) if kept.raw_status else None


def _read(shipment: _Shipment | None) -> Update | CarrierError:
    if shipment is None:
        return CarrierUnavailable("the response leaves the parcel out")
    if shipment.result is not None and shipment.result.code:
        if shipment.result.code == _UNKNOWN:
            return Update(Source.POLL, unknown_number=True)
        return CarrierUnavailable(f"the carrier answered {clean(shipment.result.code, most=20)}")
    taken = scans.take(shipment.status, _Status, "status", _scan, newest_first=False)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(shipment), skipped=taken.skipped)


def _scan(status: _Status) -> Checkpoint | SkipReason:
    unit = decode_part(status.scanning_unit, _Address, "scanningUnit")
    address = unit if isinstance(unit, _Address) else _Address()
    return scans.scan(
        when=reading.iso_time(status.timestamp),
        detail=clean(status.description),
        where=reading.place(city=address.city, country_code=address.country_code),
        says=_interpret(status.code, status.description),
        raw_status=clean(status.code),
    )


def _interpret(code: str | None, text: str | None) -> Reading:
    """Read a code of three times three digits by all nine, then by the six that say what happened; or one of four."""
    parts = _IN_THREES.fullmatch((code or "").strip())
    nine = "".join(part.zfill(3) for part in parts.groups() if part) if parts else None
    candidates = (
        (nine, _TABLES["three_by_three"]),
        (nine and nine[:6], _TABLES["three_by_three"]),
        (code, _TABLES["two_by_two"]),
    )
    return codes.interpret(candidates, [text])


def _facts(shipment: _Shipment) -> dict[str, str]:
    receiver = decode_part(shipment.receiver_address, _Address, "receiverAddress")
    address = receiver if isinstance(receiver, _Address) else _Address()
    told = decode_part(shipment.delivery_forecast, _Forecast, "deliveryForecast")
    forecast = told if isinstance(told, _Forecast) else _Forecast()
    return reading.known(
        {
            "destination_country": reading.country(address.country_code),
            "destination_city": clean(address.city),
            "scheduled_delivery_date": reading.day(forecast.date),
            **_window(forecast),
            "reference_number": clean(shipment.client_reference),
            "destination_track_number": clean(shipment.international_shipment_id),
            "weblink": reading.link(shipment.tracking_link),
        }
    )


def _window(forecast: _Forecast) -> dict[str, str]:
    """Return the window of the delivery: Hermes writes the day once, and the times without it."""
    day = reading.day(forecast.date)
    slot = decode_part(forecast.time_slot, _TimeSlot, "timeSlot")
    if day is None or not isinstance(slot, _TimeSlot):
        return {}
    return reading.window(*(reading.iso_time(f"{day}T{time}") for time in (slot.begins, slot.ends)))
