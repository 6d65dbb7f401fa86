"""GLS' answer as Updates: pure, tolerant of unknown parts, strict about what changes a parcel."""

from collections.abc import Sequence
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierError, CarrierUnavailable, CarrierUnreadable, Parcel
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.statuses import Status
from waypost.domain.trackings import Skipped, SkipReason, Source, Update
from waypost.sources import answers, codes, reading, scans
from waypost.sources.reading import NOWHERE, When, clean

_OK: Final = 200
_UNKNOWN: Final = "E_404_01"
_DELIVERED: Final = "DELIVERED"
_FINAL: Final = "FINAL"
_ENDS: Final = (_DELIVERED, "DELIVEREDPS", "CANCELED", _FINAL)
"""The statuses after which nothing follows, or only a collection."""
_TABLES: Final = codes.load(__package__)


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    """One scan; its time is local, with an offset without a colon."""

    code: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    description: str | None = None
    event_date_time: str | None = None


class _Piece(msgspec.Struct, frozen=True, rename="camel"):
    """One parcel behind the number that was ``requested``; ``unitno`` is its own number."""

    requested: str | None = None
    unitno: str | None = None
    status: str | None = None
    status_date_time: str | None = None
    events: tuple[msgspec.Raw, ...] | None = None
    error_code: str | None = None


class _Answer(msgspec.Struct, frozen=True):
    """The whole answer."""

    parcels: tuple[msgspec.Raw, ...]


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what GLS' answer says about one number. Raise CarrierUnavailable if it can't be read."""
    return answers.only(read_answers(status, body, [Parcel(tracking_number, {})]))


def read_answers(status: int, body: bytes, parcels: Sequence[Parcel]) -> list[Update | CarrierError]:
    """Return what GLS' answer says about each parcel. Raise CarrierUnavailable if it says nothing about any.

    "No such number" is beside the number in an answer with status 200; a 404 concerns the requested address.
    """
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    pieces = [piece for _, piece in answers.each(reading.decode(body, _Answer).parcels, _Piece, "parcels")]
    return answers.of_each(parcels, lambda parcel: _read(pieces, parcel))


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of GLS says by the codes known today; None if it came without a code."""
    return None if kept.raw_status is None else _interpret(kept.raw_status, kept.tracking_detail)


def _read(pieces: Sequence[_Piece | Skipped], parcel: Parcel) -> Update:
    number = parcel.tracking_number
    read = [piece for piece in pieces if isinstance(piece, _Piece)]
    own = [piece for piece in read if _same(piece.requested, number) or _same(piece.unitno, number)]
    found = [piece for piece in own if piece.error_code is None]
    if found:
        piece = _choose(found, number)
        taken = _scans(piece)
        return Update(Source.POLL, checkpoints=taken.checkpoints, skipped=taken.skipped)
    if any(piece.error_code == _UNKNOWN for piece in own):
        return Update(Source.POLL, unknown_number=True)
    if not own and len(read) < len(pieces):
        raise CarrierUnreadable("the response cannot be read: a parcel has another type")
    raise CarrierUnavailable("the response has no parcel for the number")


def _choose(found: Sequence[_Piece], number: str) -> _Piece:
    """Return the parcel with that number; of several behind a reference, the first that is not delivered yet."""
    own = next((piece for piece in found if _same(piece.unitno, number)), None)
    return own or min(found, key=lambda piece: piece.status == _DELIVERED)


def _same(written: str | None, number: str) -> bool:
    return (written or "").strip().upper() == number


def _scans(piece: _Piece) -> scans.Scans:
    """Return the events as scans. The parcel's status is added as the last one if no event has it.

    After events, only a status that ends the journey is added: any other may be older than the newest event.
    """
    taken = scans.take(piece.events, _Event, "events", _scan)
    if not taken.checkpoints:
        ended = None if taken.skipped else _status(piece, reading.iso_time(piece.status_date_time))
        return taken if ended is None else scans.Scans((ended,))
    newest = taken.checkpoints[-1]
    at = reading.iso_time(piece.status_date_time) or When(newest.checkpoint_date, newest.offset_minutes)
    ended = _status(piece, at) if piece.status in _ENDS else None
    if ended is None or at.wall_time < newest.checkpoint_date or _says(taken, ended):
        return taken
    return scans.Scans((*taken.checkpoints, ended), taken.skipped)


def _status(piece: _Piece, when: When | None) -> Checkpoint | None:
    """Return the status of a parcel as a scan; None if it has no time."""
    status = clean(piece.status)
    made = scans.scan(when=when, detail=status, where=NOWHERE, says=_interpret(status, None), raw_status=status)
    return made if isinstance(made, Checkpoint) else None


def _says(taken: scans.Scans, ended: Checkpoint) -> bool:
    """Return whether the events end as the status does; ``FINAL`` is any end, which the events may name."""
    said = [one.checkpoint_delivery_status for one in taken.checkpoints if one.checkpoint_delivery_status]
    ends = {ended.checkpoint_delivery_status}
    if ended.raw_status == _FINAL:
        ends |= {Status.DELIVERED, Status.EXCEPTION}
    return bool(said) and said[-1] in ends


def _scan(event: _Event) -> Checkpoint | SkipReason:
    detail = clean(event.description)
    return scans.scan(
        when=reading.iso_time(event.event_date_time),
        detail=detail,
        where=reading.place(city=event.city, zip=event.postal_code, country_code=event.country),
        says=_interpret(event.code, detail),
        raw_status=clean(event.code),
    )


def _interpret(code: str | None, text: str | None) -> Reading:
    stage = (code or "").partition(".")[0]
    tables = ((code, _TABLES["event_code"]), (stage, _TABLES["stage"]), (stage, _TABLES["status"]))
    return codes.interpret(tables, [text])
