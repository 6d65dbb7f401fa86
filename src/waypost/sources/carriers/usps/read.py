"""USPS' answer as an Update: pure, tolerant of unknown parts, strict about what changes a parcel."""

from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnavailable
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Reading
from waypost.domain.statuses import Status
from waypost.domain.trackings import SkipReason, Source, Update
from waypost.sources import codes, reading, scans
from waypost.sources.answers import each
from waypost.sources.reading import When, clean, clean_html

_OK: Final = 200
_UNKNOWN_STATUS: Final = 400
_UNKNOWN_CODE: Final = "400"
_UNKNOWN_MESSAGE: Final = "12:"
"""The beginning of USPS' message if there is no status yet; its code is that of every bad request."""

_TABLES: Final = codes.load(__package__)


class _Event(msgspec.Struct, frozen=True):
    """One scan; ``eventTimestamp`` is local, and ``GMTOffset`` is null without a place."""

    type: str | None = msgspec.field(name="eventType", default=None)
    code: str | None = msgspec.field(name="eventCode", default=None)
    at: str | None = msgspec.field(name="eventTimestamp", default=None)
    utc: str | None = msgspec.field(name="GMTTimestamp", default=None)
    offset: str | None = msgspec.field(name="GMTOffset", default=None)
    city: str | None = msgspec.field(name="eventCity", default=None)
    state: str | None = msgspec.field(name="eventState", default=None)
    zip: str | None = msgspec.field(name="eventZIP", default=None)
    country: str | None = msgspec.field(name="eventCountry", default=None)
    name: str | None = None


class _Answer(msgspec.Struct, frozen=True, rename="camel"):
    """What USPS knows of a number. ``mailClass`` contains HTML."""

    tracking_events: tuple[msgspec.Raw, ...]
    tracking_number: str | None = None
    mail_class: str | None = None
    expected_delivery_time_stamp: str | None = None
    guaranteed_delivery_time_stamp: str | None = None
    predicted_delivery_date: str | None = None
    origin_city: str | None = None
    origin_state: str | None = None
    origin_country: str | None = None
    destination_city: str | None = None
    destination_state: str | None = None
    destination_country_code: str | None = None


class _Error(msgspec.Struct, frozen=True):
    code: str | None = None
    message: str | None = None


class _Problem(msgspec.Struct, frozen=True):
    error: _Error


def read_answer(status: int, body: bytes, tracking_number: str) -> Update:
    """Return what USPS' answer says about a number. Raise CarrierUnavailable if it can't be read.

    A number without a status yet is answered with 400 like any bad request; only USPS' own message distinguishes them.
    """
    if status == _UNKNOWN_STATUS:
        error = reading.decode(body, _Problem).error
        if error.code == _UNKNOWN_CODE and (error.message or "").lstrip().startswith(_UNKNOWN_MESSAGE):
            return Update(Source.POLL, unknown_number=True)
    if status != _OK:
        raise CarrierUnavailable(f"the carrier answered {status}")
    answer = reading.decode(body, _Answer)
    if (answer.tracking_number or tracking_number).strip().upper() != tracking_number:
        raise CarrierUnavailable("the response is about another number")
    taken = scans.take(answer.tracking_events, _Event, "trackingEvents", _scan)
    return Update(Source.POLL, checkpoints=taken.checkpoints, facts=_facts(answer), skipped=taken.skipped)


def reread(kept: Checkpoint) -> Reading | None:
    """Return what a stored scan of USPS says by the codes known today; None if it came without a code."""
    return None if kept.raw_status is None else _interpret(kept.raw_status, kept.tracking_detail)


def _scan(event: _Event) -> Checkpoint | SkipReason:
    detail = clean_html(event.type)
    return scans.scan(
        when=_when(event),
        detail=detail,
        where=reading.place(city=event.city, state=event.state, zip=event.zip, country_code=event.country),
        says=_interpret(event.code, detail),
        raw_status=clean(event.code),
    )


def _interpret(code: str | None, text: str | None) -> Reading:
    return codes.interpret([(code, _TABLES["event_code"])], [text])


def _when(event: _Event) -> When | None:
    """Return the local time with the offset that USPS gives separately; a ``Z`` in a local time means nothing."""
    local = reading.iso_time(event.at)
    if local is None:
        return None
    at = When(local.wall_time, reading.offset(event.offset))
    return reading.offset_between(at, reading.iso_time(event.utc))


def _facts(answer: _Answer) -> dict[str, str]:
    days = (answer.expected_delivery_time_stamp, answer.guaranteed_delivery_time_stamp, answer.predicted_delivery_date)
    return reading.known(
        {
            "service_code": clean_html(answer.mail_class),
            "scheduled_delivery_date": next((day for one in days if (day := reading.day(one))), None),
            "signed_by": _signed_by(answer),
            "origin_country": reading.country(answer.origin_country),
            "origin_state": clean(answer.origin_state),
            "origin_city": clean(answer.origin_city),
            "destination_country": reading.country(answer.destination_country_code),
            "destination_state": clean(answer.destination_state),
            "destination_city": clean(answer.destination_city),
        }
    )


def _signed_by(answer: _Answer) -> str | None:
    """Return the name given with the delivery; whoever took a returned parcel signed for no delivery."""
    events = [event for _, event in each(answer.tracking_events, _Event, "") if isinstance(event, _Event)]
    named = ((clean(event.name), _interpret(event.code, clean_html(event.type)).status) for event in events)
    return next((name for name, status in named if name and status is Status.DELIVERED), None)
