"""La Poste's answer as Updates: pure, tolerant of unknown parts, strict about what changes a parcel."""

from collections.abc import Sequence
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable, CarrierUnreadable, Parcel
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import Skipped, SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.reading import NOWHERE, clean

_OK: Final = 200
_ANSWERED: Final = (_OK, 207, 400, 404)
"""Statuses of an answer with content: for one number its own status, for several 207 unless all agree."""
_UNKNOWN: Final = frozenset({400, 404})
"""``returnCode`` of a number that does not have the form of theirs, and of one they do not know."""
_BEFORE_JSON: Final = b"\xef\xbb\xbf \t\r\n"
_TABLES: Final = codes.load(__package__)


class _Event(msgspec.Struct, frozen=True):
    """One scan, without a place; ``date`` is local, with an offset."""

    code: str | None = None
    label: str | None = None
    date: str | None = None


class _Context(msgspec.Struct, frozen=True, rename="camel"):
    """Origin and destination."""

    origin_country: str | None = None
    arrival_country: str | None = None


class _Shipment(msgspec.Struct, frozen=True, rename="camel"):
    """The shipment of a number."""

    id_ship: str | None = None
    product: str | None = None
    event: tuple[msgspec.Raw, ...] = ()
    estim_date: str | None = None
    url: str | None = None
    context_data: _Context | None = None


class _Item(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to one number; ``returnCode`` is an HTTP status, ``idShip`` is set if there is no shipment."""

    return_code: int
    id_ship: str | None = None
    shipment: _Shipment | None = None


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what La Poste's answer says about one number. Raise CarrierUnavailable if it can't be read."""
    return answers.only(read_answers(status, body, [Parcel(tracking_number, {})]))


def read_answers(status: int, body: bytes, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    """Return what La Poste's answer says about each parcel. Raise CarrierUnavailable if it says nothing about any.

    "No such number" counts only with La Poste's own ``returnCode``, not with the status of the answer.
    """
    if status not in _ANSWERED:
        raise CarrierUnavailable(f"the carrier answered {status}")
    items = _items(body)
    return answers.of_each(parcels, lambda parcel: _read(_item(items, parcel, len(parcels)), status))


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of La Poste says by the codes known today; None if it came without a code."""
    return None if kept.raw_status is None else _interpret(kept.raw_status, kept.tracking_detail)


def _items(body: bytes) -> list[_Item | Skipped]:
    """Return the answers to all numbers: for one number La Poste sends no list."""
    if not body.lstrip(_BEFORE_JSON).startswith(b"["):
        return [reading.decode(body, _Item)]
    return [item for _, item in answers.each(reading.decode(body, tuple[msgspec.Raw, ...]), _Item, "answers")]


def _item(items: Sequence[_Item | Skipped], parcel: Parcel, asked: int) -> _Item:
    """Return the answer to a number; the only one belongs to the only number, however La Poste writes it."""
    read = [item for item in items if isinstance(item, _Item)]
    own = next((item for item in read if _number(item) == parcel.tracking_number), None)
    if own is None and asked == len(read) == len(items) == 1:
        return read[0]
    if own is None and len(read) < len(items):
        raise CarrierUnreadable("the response cannot be read: the response to a number has another type")
    if own is None:
        raise CarrierUnavailable("the response has no part for the number")
    return own


def _number(item: _Item) -> str:
    told = item.id_ship if item.shipment is None else item.shipment.id_ship
    return (told or "").strip().upper()


def _read(item: _Item, status: int) -> Update:
    if item.return_code in _UNKNOWN:
        return Update(Source.POLL, unknown_number=True)
    if status >= 400 or item.return_code != _OK or item.shipment is None:  # noqa: PLR2004 - a class of statuses
        raise CarrierUnavailable(f"the carrier answered {item.return_code} for the number")
    taken = scans.take(item.shipment.event, _Event, "event", _scan)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(item.shipment), skipped=taken.skipped)


def _scan(event: _Event) -> Checkpoint | SkipReason:
    detail = clean(event.label)
    return scans.scan(
        when=reading.iso_time(event.date),
        detail=detail,
        where=NOWHERE,
        says=_interpret(event.code, detail),
        raw_status=clean(event.code),
    )


def _interpret(code: str | None, text: str | None) -> Reading:
    return codes.interpret([(code, _TABLES["event_code"])], [text])


def _facts(shipment: _Shipment) -> dict[str, str]:
    context = shipment.context_data or _Context()
    return reading.known(
        {
            "service_code": clean(shipment.product),
            "scheduled_delivery_date": reading.day(shipment.estim_date),
            "weblink": reading.link(shipment.url),
            "origin_country": reading.country(context.origin_country),
            "destination_country": reading.country(context.arrival_country),
        }
    )
