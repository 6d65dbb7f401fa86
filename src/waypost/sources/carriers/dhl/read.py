"""DHL's answer as an Update: pure, strict on what it reads, and blind to the rest."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import WALL_TIME, Checkpoint
from waypost.domain.facts import LONGEST
from waypost.domain.statuses import status_of
from waypost.domain.trackings import Source, Update
from waypost.sources.carriers.dhl.answer import (
    Address,
    Details,
    Person,
    Place,
    Problem,
    Scan,
    Shipment,
    Shipments,
    Weight,
)
from waypost.sources.carriers.dhl.codes import CODES, read_substatus

MOST_SCANS: Final = 200
"""Of an answer with more scans the newest are kept."""

_KNOWN: Final = 200
_UNKNOWN_NUMBER: Final = 404
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?(?:\.\d{1,9})?(?:Z|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_LONGEST_OFFSET_MINUTES: Final = 14 * 60
_KILOGRAMS: Final = {"kg": 1.0, "g": 0.001, "lb": 0.453_592_37, "lbs": 0.453_592_37, "oz": 0.028_349_523}

_Read = TypeVar("_Read")


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Give what DHL's answer to a number says. Raises CarrierUnavailable for one that cannot be read.

    A 404 counts as "unknown number" only in DHL's own form: one of a proxy, or of a wrong base URL, must not turn
    every parcel into one that was not found.
    """
    if status == _UNKNOWN_NUMBER:
        if _decode(body, Problem).status != status:
            raise CarrierUnavailable("the 404 is not DHL's")
        return Update(Source.POLL, unknown_number=True)
    if status != _KNOWN:
        raise CarrierUnavailable(f"the carrier answered {status}")
    shipments = _decode(body, Shipments).shipments
    if not shipments:
        return Update(Source.POLL, unknown_number=True)
    shipment = _choose(shipments, tracking_number)
    return Update(Source.POLL, checkpoints=_checkpoints(shipment), facts=dict(_facts(shipment)))


def _decode(body: bytes, kind: type[_Read]) -> _Read:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CarrierUnavailable(f"the answer cannot be read: {error}") from None


def _choose(shipments: tuple[Shipment, ...], tracking_number: str) -> Shipment:
    """Give the shipment of that id, else the first: several of DHL's companies, or a piece, may have the number."""
    return next((one for one in shipments if str(one.id).upper() == tracking_number), shipments[0])


def _checkpoints(shipment: Shipment) -> tuple[Checkpoint, ...]:
    """Give the events and the status as scans; the status is left out where an event already tells it."""
    scans = [
        scan for place, event in enumerate(shipment.events or ()) if (scan := _checkpoint(event, f"events[{place}]"))
    ]
    current = None if shipment.status is None else _checkpoint(shipment.status, "status")
    told = {(scan.checkpoint_date, scan.tracking_detail.casefold()) for scan in scans}
    # Its location is not compared: DHL gives the status a coarser one at times.
    if current is not None and (current.checkpoint_date, current.tracking_detail.casefold()) not in told:
        scans.append(current)
    scans.sort(key=lambda scan: scan.checkpoint_date)
    return tuple(scans[-MOST_SCANS:])


def _checkpoint(scan: Scan, field: str) -> Checkpoint | None:
    """Give None for a scan without a time or a text: it could never be told from another."""
    detail = _detail(scan)
    if scan.timestamp is None or detail is None:
        return None
    wall_time, offset_minutes = _time(scan.timestamp, field)
    address = _address(scan.location)
    locality = _clean(address.address_locality)
    substatus = read_substatus(scan)
    return Checkpoint(
        checkpoint_date=wall_time,
        tracking_detail=detail,
        location=locality,
        country_iso2=_country(address),
        city=locality,
        zip=_clean(address.postal_code),
        raw_status=_raw_status(scan),
        checkpoint_delivery_status=None if substatus is None else status_of(substatus),
        checkpoint_delivery_substatus=substatus,
        offset_minutes=offset_minutes,
    )


def _time(text: str, field: str) -> tuple[str, int | None]:
    """Read local wall time and its offset in minutes.

    DHL writes the same scan with and without a ``Z`` in one answer, so a ``Z`` says nothing about the offset.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise CarrierUnavailable(f"the answer cannot be read: {field}.timestamp is no time")
    day, minute, second, sign, hours, minutes = found.groups()
    wall_time = f"{day}T{minute}{second or ':00'}"
    offset = None if sign is None else int(f"{sign}1") * (60 * int(hours) + int(minutes))
    try:
        datetime.strptime(wall_time, WALL_TIME)  # noqa: DTZ007 - wall time, its offset is beside it
    except ValueError:
        raise CarrierUnavailable(f"the answer cannot be read: {field}.timestamp is no time") from None
    return wall_time, offset if offset is None or abs(offset) <= _LONGEST_OFFSET_MINUTES else None


def _detail(scan: Scan) -> str | None:
    """Give the text of a scan: DHL's companies put it in ``description``, in ``status``, or half in each.

    The remark is no part of it while there is another text: it may change later, and then the same scan would be
    another one.
    """
    status, description = _clean(scan.status), _clean(scan.description)
    if description is None:
        return status or _clean(scan.remark) or _clean(scan.status_code)
    if status is None or status.casefold() in description.casefold():
        return description
    if status.casefold() == (scan.status_code or "").strip().casefold():
        return description
    return _clean(f"{status}: {description}")


def _raw_status(scan: Scan) -> str | None:
    """Give DHL's code, and its status where that is a code too."""
    code, status = _clean(scan.status_code), _clean(scan.status)
    if status is None or status == code or status.casefold() not in CODES:
        return code
    return status if code is None else f"{code}/{status}"


def _facts(shipment: Shipment) -> Iterator[tuple[str, str]]:
    details = _details(shipment)
    named = {
        "service_code": _clean(shipment.service),
        "product_type": None if details.product is None else _clean(details.product.product_name),
        "pieces": str(details.total_number_of_pieces) if (details.total_number_of_pieces or 0) > 0 else None,
        "scheduled_delivery_date": _day(shipment.estimated_time_of_delivery),
        "signed_by": _signed_by(shipment, details),
        "weblink": _link(shipment.service_url),
        **_weights(details.weight),
        **_ends(shipment),
    }
    return ((name, text) for name, text in named.items() if text is not None)


def _ends(shipment: Shipment) -> dict[str, str | None]:
    origin, destination = _address(shipment.origin), _address(shipment.destination)
    return {
        "origin_country": _country(origin),
        "origin_city": _clean(origin.address_locality),
        "destination_country": _country(destination),
        "destination_city": _clean(destination.address_locality),
    }


def _details(shipment: Shipment) -> Details:
    try:
        return msgspec.json.decode(shipment.details, type=Details | None) or Details()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Details()


def _signed_by(shipment: Shipment, details: Details) -> str | None:
    """Who signed; a proof of delivery for a parcel that is not delivered is none."""
    proof = details.proof_of_delivery
    if proof is None or proof.signed is None or shipment.status is None or shipment.status.status_code != "delivered":
        return None
    return _name(proof.signed)


def _name(person: Person) -> str | None:
    given, family = _clean(person.given_name), _clean(person.family_name)
    return _clean(f"{given} {family}") if given and family else _clean(person.name) or family or given


def _weights(weight: Weight | None) -> dict[str, str | None]:
    if weight is None or not 0 < weight.value < 1_000_000:  # noqa: PLR2004 - heavier than any ship's load is a mistake
        return {}
    unit = (_clean(weight.unit_text) or "").casefold()
    kilograms = _KILOGRAMS.get(unit)
    return {
        "weight": f"{_number(weight.value)} {unit}".strip(),
        "weight_kg": None if kilograms is None else _number(weight.value * kilograms),
    }


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _day(text: str | None) -> str | None:
    """Give the day of an estimate: its minutes change with every look, and each change would be an event."""
    try:
        return None if text is None else date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return None


def _link(text: str | None) -> str | None:
    """Give a link that a page may show: http or https, and whole."""
    if text is None or len(text) > LONGEST or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def _address(place: Place | None) -> Address:
    return Address() if place is None or place.address is None else place.address


def _country(address: Address) -> str | None:
    code = (address.country_code or "").strip().upper()
    return code if _COUNTRY.fullmatch(code) else None


def _clean(text: str | None) -> str | None:
    """Give a text on one line, without control characters and not longer than a fact; None for an empty one."""
    visible = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(visible.split())[:LONGEST].strip() or None
