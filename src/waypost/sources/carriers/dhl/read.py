"""DHL's answer as an Update: pure, strict about what it reads, and indifferent to the rest."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Final
from urllib.parse import urlsplit
from zlib import crc32

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import LONGEST
from waypost.domain.readings import Reading, read
from waypost.domain.times import read_wall_time
from waypost.domain.trackings import Skipped, SkipReason, Source, Update
from waypost.sources.answers import decode_part, each
from waypost.sources.carriers.dhl.answer import (
    Details,
    DhlAddress,
    DhlPlace,
    DhlProblem,
    DhlWeight,
    Person,
    Scan,
    Shipment,
    Shipments,
    TimeFrame,
)
from waypost.sources.carriers.dhl.codes import CODES, read_scan
from waypost.sources.reading import When, decode, window

_KNOWN: Final = 200
_UNKNOWN_NUMBER: Final = 404
_OFFSET: Final = re.compile(r"[+-]\d\d:?\d\d$", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_KILOGRAMS: Final = {"kg": 1.0, "g": 0.001, "lb": 0.453_592_37, "lbs": 0.453_592_37, "oz": 0.028_349_523}


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what DHL's answer says about a number. Raise CarrierUnavailable if it can't be read.

    A 404 counts as "unknown number" only in DHL's own form: a proxy's 404, or that of a wrong base URL, must not turn
    every parcel into one that was not found.
    """
    if status == _UNKNOWN_NUMBER:
        if decode(body, DhlProblem).status != status:
            raise CarrierUnavailable("the 404 is not DHL's")
        return Update(Source.POLL, unknown_number=True)
    if status != _KNOWN:
        raise CarrierUnavailable(f"the carrier answered {status}")
    shipments = decode(body, Shipments).shipments
    if not shipments:
        return Update(Source.POLL, unknown_number=True)
    shipment = _choose(shipments, tracking_number)
    scans, skipped = _scans(shipment)
    current = decode_part(shipment.status, Scan, "status")
    if isinstance(current, Skipped):
        skipped.append(current)
        current = None
    return Update(
        Source.POLL,
        checkpoints=_with_status(scans, current),
        facts=dict(_facts(shipment, current)),
        skipped=tuple(skipped),
    )


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan says by today's codes and words; None if it came without one of DHL's codes."""
    code, _, own = (kept.raw_status or "").partition("/")
    if code.casefold() not in CODES:
        return None
    return read_scan(Scan(status_code=code, status=own or kept.tracking_detail, description=kept.tracking_detail))


def _choose(shipments: tuple[Shipment, ...], tracking_number: str) -> Shipment:
    """Return the shipment with that id, otherwise the first: several DHL companies, or a piece, may have the number.

    Of several with that id the one that began latest counts: DHL uses numbers again.
    """
    own = [one for one in shipments if str(one.id).upper() == tracking_number]
    return max(own, key=_began) if own else shipments[0]


def _began(shipment: Shipment) -> str:
    """Return the time of a shipment's first scan, empty without one."""
    return min((scan.checkpoint_date for scan in _scans(shipment)[0]), default="")


def _scans(shipment: Shipment) -> tuple[list[Checkpoint], list[Skipped]]:
    """Return the events as scans, and those that can't be accepted."""
    scans, skipped = [], []
    for where, event in each(shipment.events or (), Scan, "events"):
        scan = event if isinstance(event, Skipped) else _checkpoint(event, where)
        if isinstance(scan, Skipped):
            skipped.append(scan)
        else:
            scans.append(scan)
    return scans, skipped


def _with_status(scans: list[Checkpoint], status: Scan | None) -> tuple[Checkpoint, ...]:
    """Return the scans, plus the shipment's status if no event reports it."""
    current = None if status is None else _checkpoint(status, "status")
    told = {(scan.checkpoint_date, scan.tracking_detail.casefold()) for scan in scans}
    # Its location is not compared: DHL sometimes gives the status a coarser one.
    if isinstance(current, Checkpoint) and (current.checkpoint_date, current.tracking_detail.casefold()) not in told:
        scans = [*scans, current]
    return tuple(sorted(scans, key=lambda scan: scan.checkpoint_date))


def _checkpoint(scan: Scan, where: str) -> Checkpoint | Skipped:
    """Return a scan; Skipped without a time or a text, since it could never be told from another."""
    detail = _detail(scan)
    if detail is None:
        return Skipped(where, SkipReason.TEXT)
    at = _time(scan.timestamp or "")
    if at is None:
        return Skipped(where, SkipReason.TIME)
    wall_time, offset_minutes = at
    address = _address(scan.location)
    locality = _clean(address.address_locality)
    checkpoint = Checkpoint(
        checkpoint_date=wall_time,
        tracking_detail=detail,
        location=locality,
        country_iso2=_country(address),
        city=locality,
        zip=_clean(address.postal_code),
        raw_status=_raw_status(scan),
        offset_minutes=offset_minutes,
        beside=_beside(scan),
    )
    return read(checkpoint, read_scan(scan))


def _time(text: str) -> tuple[str, int | None] | None:
    """Return local wall time and its offset in minutes.

    DHL writes the same scan with and without a ``Z`` in one answer, so a ``Z`` says nothing about the offset; nor does
    one of a day.
    """
    text = text.strip().rstrip("Zz")
    return read_wall_time(text) or read_wall_time(_OFFSET.sub("", text))


def _beside(scan: Scan) -> int:
    """Return a checksum of the texts that a scan is read from and that are not part of its detail."""
    texts = [_clean(scan.remark), _clean(scan.next_steps)]
    return crc32("\n".join([text or "" for text in texts]).encode()) if any(texts) else 0


def _detail(scan: Scan) -> str | None:
    """Return the text of a scan: DHL's companies put it in ``description``, in ``status``, or half in each.

    The remark is not part of it while there is another text: it may change later, and then the scan would count as
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
    """Return DHL's code, and its status if that is a code too."""
    code, status = _clean(scan.status_code), _clean(scan.status)
    if status is None or status == code or status.casefold() not in CODES:
        return code
    return status if code is None else f"{code}/{status}"


def _facts(shipment: Shipment, status: Scan | None) -> Iterator[tuple[str, str]]:
    details = _details(shipment)
    named = {
        "service_code": _clean(shipment.service),
        "product_type": None if details.product is None else _clean(details.product.product_name),
        "pieces": str(details.total_number_of_pieces) if (details.total_number_of_pieces or 0) > 0 else None,
        "scheduled_delivery_date": _day(shipment.estimated_time_of_delivery),
        **_window(shipment),
        "signed_by": _signed_by(status, details),
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


def _signed_by(status: Scan | None, details: Details) -> str | None:
    """Return who signed; a proof of delivery for a parcel that is not delivered does not count."""
    proof = details.proof_of_delivery
    if proof is None or proof.signed is None or status is None or status.status_code != "delivered":
        return None
    return _name(proof.signed)


def _name(person: Person) -> str | None:
    given, family = _clean(person.given_name), _clean(person.family_name)
    return _clean(f"{given} {family}") if given and family else _clean(person.name) or family or given


def _weights(weight: DhlWeight | None) -> dict[str, str | None]:
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
    """Return the day of an estimate: its minutes change with every poll, and each change would be an event."""
    try:
        return None if text is None else date.fromisoformat(text.strip()[:10]).isoformat()
    except ValueError:
        return None


def _window(shipment: Shipment) -> dict[str, str]:
    """Return the window in which the delivery is expected; its ``Z`` says nothing about the offset."""
    told = decode_part(shipment.estimated_delivery_time_frame, TimeFrame, "estimatedDeliveryTimeFrame")
    if not isinstance(told, TimeFrame):
        return {}
    begins, ends = (_time(text or "") for text in (told.estimated_from, told.estimated_through))
    return {} if begins is None or ends is None else window(When(*begins), When(*ends))


def _link(text: str | None) -> str | None:
    """Return a link that a page may show: complete, with http or https."""
    if text is None or len(text) > LONGEST or not text.isprintable() or " " in text:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in ("http", "https") and parts.hostname else None


def _address(place: msgspec.Raw) -> DhlAddress:
    known = decode_part(place, DhlPlace, "location")
    return DhlAddress() if known is None or isinstance(known, Skipped) or known.address is None else known.address


def _country(address: DhlAddress) -> str | None:
    code = (address.country_code or "").strip().upper()
    return code if _COUNTRY.fullmatch(code) else None


def _clean(text: str | None) -> str | None:
    """Return a text on one line, without control characters and at most as long as a fact; None if empty."""
    visible = "".join(character if character.isprintable() else " " for character in text or "")
    return " ".join(visible.split())[:LONGEST].strip() or None
