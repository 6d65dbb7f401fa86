"""FedEx' answer as Updates: pure, tolerant of unknown parts, strict about what changes a parcel."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from waypost.domain.carriers import CarrierError, CarrierUnavailable, CarrierUnreadable, Parcel
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import Skipped, SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.carriers.fedex.answer import (
    Dated,
    FedexAddress,
    FedexAnswer,
    FedexEvent,
    FedexResult,
    FedexWeight,
    Identifier,
    Numbered,
    Party,
    Window,
)
from waypost.sources.reading import clean

_OK: Final = 200
_BAD_REQUEST: Final = 400
_UNKNOWN: Final = frozenset({"TRACKING.TRACKINGNUMBER.NOTFOUND", "TRACKING.TRACKINGNUMBER.INVALID"})
_DELIVERED: Final = frozenset({"DL", "DO"})
_NOBODY: Final = "signature "
"""The beginning of FedEx' texts for parcels that nobody signed for, such as ``Signature not required``."""
_EXPECTED: Final = ("ESTIMATED_DELIVERY", "APPOINTMENT_DELIVERY", "COMMITMENT")
_REFERENCES: Final = ("SHIPPER_REFERENCE", "CUSTOMER_REFERENCE", "PURCHASE_ORDER", "INVOICE")
_GOES_ON_AS: Final = ("RETURNED_TO_SHIPPER_TRACKING_NUMBER", "REROUTE_TRACKING_NUMBER")
_TABLES: Final = codes.load(__package__)


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what FedEx' answer says about one number. Raise CarrierUnavailable if it can't be read."""
    return answers.only(read_answers(status, body, [Parcel(tracking_number, {})]))


def read_answers(status: int, body: bytes, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    """Return what FedEx' answer says about each parcel. Raise CarrierUnavailable if it says nothing about any.

    "No such number" is in the part of a number, or in place of the whole answer if only one was polled.
    """
    answer = reading.decode(body, FedexAnswer)
    if len(parcels) == 1 and any(error.code in _UNKNOWN for error in answer.errors):
        return [Update(Source.POLL, unknown_number=True)]
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status} and no results")
    if answer.output is None:
        raise reading.unreadable(body, "it has no results")
    parts = [part for _, part in answers.each(answer.output.complete_track_results, Numbered, "results")]
    return answers.of_each(parcels, lambda parcel: _read(_part(parts, parcel, len(parcels)), parcel.facts))


def names_a_number(status: int, body: bytes) -> bool:
    """Return whether FedEx rejected a whole request because of a number in it."""
    if status != _BAD_REQUEST:
        return False
    try:
        errors = reading.decode(body, FedexAnswer).errors
    except CarrierUnreadable:
        return False
    return any(error.code in _UNKNOWN for error in errors)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of FedEx says by the codes known today; None if it came without a code."""
    return None if kept.raw_status is None else _interpret(kept.raw_status.partition("/")[0], kept.tracking_detail)


def _part(parts: Sequence[Numbered | Skipped], parcel: Parcel, asked: int) -> Numbered:
    """Return the part of a number; the only part belongs to the only number, however FedEx writes it."""
    read = [part for part in parts if isinstance(part, Numbered)]
    own = next((part for part in read if (part.tracking_number or "").strip().upper() == parcel.tracking_number), None)
    if own is None and asked == len(read) == len(parts) == 1:
        return read[0]
    if own is None and len(read) < len(parts):
        raise CarrierUnreadable("the response cannot be read: a result has another type")
    if own is None:
        raise CarrierUnavailable("the response has no result for the number")
    return own


def _read(part: Numbered, facts: Mapping[str, str]) -> Update:
    found = [one for one in part.track_results if one.error is None or one.scan_events]
    if not found:
        if any(one.error is not None and one.error.code in _UNKNOWN for one in part.track_results):
            return Update(Source.POLL, unknown_number=True)
        raise CarrierUnavailable("the response has no result for the number")
    result, taken = _choose([(one, _scans(one)) for one in found], facts.get("tracking_ship_date"))
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(result), skipped=taken.skipped)


def _choose(found: Sequence[tuple[FedexResult, scans.Scans]], shipped: str | None) -> tuple[FedexResult, scans.Scans]:
    """Return the shipment that began closest to the day the shop gave, otherwise the latest: FedEx reuses numbers."""
    day = _day(shipped)
    if day is None:
        return max(found, key=lambda one: _began(one[1]))
    return min(found, key=lambda one: abs(_began(one[1]) - day))


def _began(taken: scans.Scans) -> int:
    """Return the day of the first scan as a number; 0 for a shipment without one."""
    return date.fromisoformat(taken.checkpoints[0].checkpoint_date[:10]).toordinal() if taken.checkpoints else 0


def _day(text: str | None) -> int | None:
    compact = reading.when(text or "", "%Y%m%d")
    written = reading.day(text) if compact is None else compact.wall_time[:10]
    return None if written is None else date.fromisoformat(written).toordinal()


def _scans(result: FedexResult) -> scans.Scans:
    return scans.take(result.scan_events, FedexEvent, "scanEvents", _scan)


def _scan(event: FedexEvent) -> Checkpoint | SkipReason:
    detail = _detail(event)
    return scans.scan(
        when=reading.iso_time(event.date),
        detail=detail,
        where=_place(event.scan_location or FedexAddress()),
        says=_interpret(event.event_type, detail),
        raw_status="/".join(part for text in (event.event_type, event.exception_code) if (part := clean(text))) or None,
    )


def _detail(event: FedexEvent) -> str | None:
    """Return the text of a scan, with that of the exception if there is one."""
    texts = [text for text in (clean(event.event_description), clean(event.exception_description)) if text]
    told = texts[:1] if len(texts) == 2 and texts[1].casefold() in texts[0].casefold() else texts  # noqa: PLR2004 - both
    return clean(": ".join(told))


def _interpret(code: str | None, text: str | None) -> Reading:
    return codes.interpret([(code, _TABLES["event_type"])], [text])


def _place(address: FedexAddress) -> reading.Where:
    return reading.place(
        city=address.city,
        state=address.state_or_province_code,
        zip=address.postal_code,
        country_code=address.country_code,
    )


def _facts(result: FedexResult) -> dict[str, str]:
    package = result.package_details
    numbers = dict(_identifiers(result))
    return reading.known(
        {
            "service_code": None if result.service_detail is None else clean(result.service_detail.description),
            "pieces": None if package is None else _count(package.count),
            "scheduled_delivery_date": _expected(result),
            **reading.window(*(reading.iso_time(end) for end in _window(result))),
            "signed_by": _signed_by(result),
            "reference_number": _first(numbers, _REFERENCES),
            "exchange_number": _first(numbers, _GOES_ON_AS),
            "destination_track_number": numbers.get("PARTNER_CARRIER_NUMBER"),
            **_end("origin", result.shipper_information),
            **_end("destination", result.recipient_information),
            **_weight(result),
        }
    )


def _end(name: str, party: Party | None) -> dict[str, str | None]:
    where = _place((None if party is None else party.address) or FedexAddress())
    return {f"{name}_country": where.country_iso2, f"{name}_state": where.state, f"{name}_city": where.city}


def _count(count: str | int | None) -> str | None:
    text = str(count).strip()
    return text if text.isascii() and text.isdigit() and len(text) < 7 and int(text) > 0 else None  # noqa: PLR2004 - no load has millions


def _weight(result: FedexResult) -> dict[str, str]:
    """Return the weight, in kilograms if FedEx gives it."""
    measures = None if result.package_details is None else result.package_details.weight_and_dimensions
    found = list(reading.each(() if measures is None else measures.weight, FedexWeight))
    found.sort(key=lambda one: one.unit != "KG")
    return next((told for one in found if (told := reading.weight(one.value, one.unit))), {})


def _expected(result: FedexResult) -> str | None:
    """Return the day on which FedEx expects to deliver: estimated, appointed, promised, or a window's first."""
    days = {one.type: reading.day(one.date_time) for one in reading.each(result.date_and_times, Dated)}
    told = [*(days.get(kind) for kind in _EXPECTED), *map(reading.day, _window(result))]
    return next((day for day in told if day), None)


def _window(result: FedexResult) -> tuple[str | None, str | None]:
    """Return when the window of the delivery begins and ends."""
    estimate = result.estimated_delivery_time_window
    window = (estimate and estimate.window) or Window()
    return window.begins, window.ends


def _signed_by(result: FedexResult) -> str | None:
    """Return who signed for a delivered parcel, otherwise who received it."""
    latest, delivery = result.latest_status_detail, result.delivery_details
    if latest is None or latest.code not in _DELIVERED or delivery is None:
        return None
    name = clean(delivery.signed_by_name) or clean(delivery.received_by_name)
    return None if name is None or name.casefold().startswith(_NOBODY) else name


def _identifiers(result: FedexResult) -> Iterator[tuple[str, str]]:
    """Yield the other numbers and references of a package by their types, the first of each last."""
    raw = () if result.additional_tracking_info is None else result.additional_tracking_info.package_identifiers
    for one in reversed(list(reading.each(raw, Identifier))):
        text = next((text for value in reading.each(one.values, str) if (text := clean(value))), clean(one.value))
        if one.type and text:
            yield one.type, text


def _first(named: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((named[name] for name in names if name in named), None)
