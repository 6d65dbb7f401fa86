"""Royal Mail's answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel."""

from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.answers import decode_part
from waypost.sources.reading import clean

_OK: Final = 200
_UNKNOWN: Final = frozenset({"E1142", "E1283", "E1284", "E1307", "E1308"})
"""Not one of their barcodes; not a tracked item; and no update yet, in three forms."""

_TABLE: Final = codes.load(__package__)["event_code"]


class _Summary(msgspec.Struct, frozen=True, rename="camel"):
    one_d_barcode: str | None = msgspec.field(default=None, name="oneDBarcode")
    product_name: str | None = None
    origin_country_code: str | None = None
    destination_country_code: str | None = None


class _Signature(msgspec.Struct, frozen=True, rename="camel"):
    recipient_name: str | None = None


class _EstimatedDelivery(msgspec.Struct, frozen=True, rename="camel"):
    date: str | None = None
    start_of_estimated_window: str | None = None
    end_of_estimated_window: str | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    event_code: str | None = None
    event_name: str | None = None
    event_date_time: str | None = None
    location_name: str | None = None


class _Error(msgspec.Struct, frozen=True, rename="camel"):
    error_code: str | None = None


class _MailPiece(msgspec.Struct, frozen=True, rename="camel"):
    mail_piece_id: str | None = None
    summary: msgspec.Raw = msgspec.Raw(b"null")
    signature: msgspec.Raw = msgspec.Raw(b"null")
    estimated_delivery: msgspec.Raw = msgspec.Raw(b"null")
    events: tuple[msgspec.Raw, ...] = ()
    error: _Error | None = None


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """``mailPieces`` is one piece, or a list if a call names several."""

    mail_pieces: _MailPiece | tuple[_MailPiece, ...]


class _Problem(msgspec.Struct, frozen=True):
    errors: tuple[_Error, ...] = ()


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what Royal Mail's answer says about a number. Raise CarrierUnavailable if it can't be read.

    "No such number" counts only with Royal Mail's own codes, wherever they are: in a 404 or beside the piece.
    """
    if status != _OK:
        problem = reading.decode(body, _Problem)
        if any(error.error_code in _UNKNOWN for error in problem.errors):
            return Update(Source.POLL, unknown_number=True)
        raise CarrierUnavailable(f"the carrier answered {status}")
    piece = _choose(reading.decode(body, _Answer).mail_pieces, tracking_number)
    if piece is None:
        raise CarrierUnavailable("the response is about another mail piece")
    if piece.error is not None:
        if piece.error.error_code in _UNKNOWN:
            return Update(Source.POLL, unknown_number=True)
        raise CarrierUnavailable(f"the carrier answered {clean(piece.error.error_code, most=20)}")
    taken = scans.take(piece.events, _Event, "events", _scan)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(piece, taken), skipped=taken.skipped)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of Royal Mail says by the codes known today; None if it came without a code."""
    return codes.interpret([(kept.raw_status, _TABLE)], [kept.tracking_detail]) if kept.raw_status else None


def _choose(pieces: _MailPiece | tuple[_MailPiece, ...], tracking_number: str) -> _MailPiece | None:
    """Return the piece with that number; a single piece is the requested one, whatever its id."""
    if isinstance(pieces, _MailPiece):
        return pieces
    own = (one for one in pieces if tracking_number in (one.mail_piece_id, _summary(one).one_d_barcode))
    return next(own, pieces[0] if len(pieces) == 1 else None)


def _scan(event: _Event) -> Checkpoint | SkipReason:
    return scans.scan(
        when=reading.iso_time(event.event_date_time),
        detail=clean(event.event_name),
        # An office such as "Stafford DO" is Royal Mail's name of it, not a town.
        where=reading.Where(clean(event.location_name)),
        says=codes.interpret([(event.event_code, _TABLE)], [event.event_name]),
        raw_status=clean(event.event_code),
    )


def _facts(piece: _MailPiece, taken: scans.Scans) -> dict[str, str]:
    """Return the facts. A signature while the piece is still on its way belongs to something else."""
    summary = _summary(piece)
    signature = decode_part(piece.signature, _Signature, "signature") if taken.end_in_delivery else None
    estimate = decode_part(piece.estimated_delivery, _EstimatedDelivery, "estimatedDelivery")
    return reading.known(
        {
            "service_code": clean(summary.product_name),
            "origin_country": reading.country(summary.origin_country_code),
            "destination_country": reading.country(summary.destination_country_code),
            **(_expected(estimate) if isinstance(estimate, _EstimatedDelivery) else {}),
            "signed_by": clean(signature.recipient_name) if isinstance(signature, _Signature) else None,
        }
    )


def _expected(estimate: _EstimatedDelivery) -> dict[str, str | None]:
    """Return the estimated day, and its window, whose ends are times with or without the day."""
    day = reading.day(estimate.date)
    ends = (estimate.start_of_estimated_window, estimate.end_of_estimated_window)
    return {
        "scheduled_delivery_date": day,
        **reading.window(*(reading.iso_time(time) or reading.iso_time(f"{day}T{time}") for time in ends)),
    }


def _summary(piece: _MailPiece) -> _Summary:
    summary = decode_part(piece.summary, _Summary, "summary")
    return summary if isinstance(summary, _Summary) else _Summary()
