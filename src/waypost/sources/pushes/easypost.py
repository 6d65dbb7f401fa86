"""EasyPost: events of trackers, signed over the raw body."""

import unicodedata
from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.domain.readings import Reading
from waypost.domain.statuses import status_of
from waypost.domain.trackings import SkipReason
from waypost.sources import codes, reading, scans, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.codes import Meaning
from waypost.sources.pushes import telling
from waypost.sources.pushes.courier_names import code_of
from waypost.sources.reading import When, clean
from waypost.sources.scans import Scans
from waypost.sources.sender import API_KEY, POLLED, REGISTER, REGISTER_THERE, PushSender
from waypost.sources.signatures import HEX

NAME: Final = "easypost"
HEADER: Final = "X-Hmac-Signature"
_PREFIX: Final = "hmac-sha256-hex="
_TABLES: Final = codes.load(__package__, "easypost.toml")
_TRACKER: Final = "Tracker"


class _Place(msgspec.Struct, frozen=True):
    city: str | None = None
    state: str | None = None
    country: str | None = None
    zip: str | None = None


class _Detail(msgspec.Struct, frozen=True):
    message: str | None = None
    description: str | None = None
    status: str | None = None
    status_detail: str | None = None
    datetime: str | None = None
    tracking_location: _Place | None = None


class _Carrier(msgspec.Struct, frozen=True):
    service: str | None = None
    est_delivery_date_local: str | None = None
    origin_tracking_location: _Place | None = None
    destination_tracking_location: _Place | None = None


class Tracker(msgspec.Struct, frozen=True):
    """A tracker: the same in a push and in the answer to a call."""

    tracking_code: str | None = None
    carrier: str | None = None
    updated_at: str | None = None
    signed_by: str | None = None
    weight: float | None = None
    est_delivery_date: str | None = None
    tracking_details: tuple[msgspec.Raw, ...] | None = None
    carrier_detail: _Carrier | None = None


class _Event(msgspec.Struct, frozen=True):
    """The frame of every event; those that are not about trackers have another object as their result."""

    id: str | None = None
    description: str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


class _Kind(msgspec.Struct, frozen=True):
    object: str | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of EasyPost; see ``sender.Verify``.

    The key is the secret in Unicode's form NFKD, as EasyPost's own libraries have it.
    """
    del now  # the signature covers the body, and a repeated push has no effect
    sent = signatures.header(push, HEADER)
    expected = signatures.hmac_sha256(unicodedata.normalize("NFKD", signatures.secret_of(credentials)), push.body)
    form = sent.removeprefix(_PREFIX) if sent.startswith(_PREFIX) else ""
    return signatures.check_digest(form, expected, name=HEADER, forms=(HEX,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of EasyPost; see ``sender.Read``."""
    event = reading.decode(push.body, _Event)
    key = telling.body_key(push) if event.id is None else telling.key_of(event.id)
    if _kind(event.result) != _TRACKER:
        return Contents(key, (), f"{clean(event.description, most=60) or 'The event'} is not about a tracker.")
    told = told_of(reading.decode(bytes(event.result), Tracker), arrived_at)
    return Contents(key, told, None if told else telling.NOT_A_NUMBER)


def told_of(tracker: Tracker, arrived_at: int) -> tuple[PushedParcel, ...]:
    """Return what a tracker says that arrived then (Unix milliseconds); nothing if its number is not valid."""
    taken = scans.take(tracker.tracking_details, _Detail, "tracking_details", _scan, newest_first=False)
    observed_at = telling.observed(tracker.updated_at, arrived_at)
    courier = code_of(NAME, tracker.carrier)
    return telling.told(tracker.tracking_code, courier, taken, _facts(tracker, taken), observed_at)


def _kind(result: msgspec.Raw) -> str | None:
    try:
        return msgspec.json.decode(result, type=_Kind).object
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _scan(detail: _Detail) -> Checkpoint | SkipReason:
    text = clean(detail.message) or clean(detail.description)
    return scans.scan(
        when=_when(detail),
        detail=text,
        where=_where(detail.tracking_location),
        says=_interpret(detail, text),
        raw_status=clean(detail.status_detail if detail.status_detail != "unknown" else detail.status),
    )


def _interpret(detail: _Detail, text: str | None) -> Reading:
    """Return what a scan says: its status decides, and the detail refines it.

    A delivered parcel comes with the detail ``arrived_at_destination``. Only a status that says little gives way to a
    detail of another main status.
    """
    fine, coarse = _TABLES["status_detail"], _TABLES["status"]
    detailed, known = fine.read(detail.status_detail), coarse.read(detail.status)
    if detailed is None or detailed.substatus is None or _contradicts(detailed.substatus, known):
        return codes.interpret([(detail.status, coarse)], [text])
    return codes.interpret([(detail.status_detail, fine), (detail.status, coarse)], [text])


def _contradicts(substatus: str, known: Meaning | None) -> bool:
    if known is None or known.substatus is None or known.general:
        return False
    return status_of(substatus) is not status_of(known.substatus)


def _when(detail: _Detail) -> When | None:
    """Return the time; its ``Z`` is true only where EasyPost knows the place, since otherwise it can't convert."""
    at = reading.iso_time(detail.datetime)
    place = detail.tracking_location
    if at is None or (place is not None and clean(place.city) and clean(place.zip)):
        return at
    return When(at.wall_time)


def _where(place: _Place | None) -> reading.Where:
    if place is None:
        return reading.NOWHERE
    return reading.place(city=place.city, state=place.state, zip=place.zip, country_code=place.country)


def _facts(tracker: Tracker, taken: Scans) -> dict[str, str]:
    carrier = tracker.carrier_detail or _Carrier()
    origin, destination = _where(carrier.origin_tracking_location), _where(carrier.destination_tracking_location)
    return reading.known(
        {
            "service_code": clean(carrier.service),
            "scheduled_delivery_date": reading.day(carrier.est_delivery_date_local)
            or reading.day(tracker.est_delivery_date),
            "signed_by": clean(tracker.signed_by) if taken.end_in_delivery else None,
            "origin_country": origin.country_iso2,
            "origin_state": origin.state,
            "origin_city": origin.city,
            "destination_country": destination.country_iso2,
            "destination_state": destination.state,
            "destination_city": destination.city,
        }
    ) | reading.weight(tracker.weight, "oz")


SENDER: Final = PushSender(
    name=NAME,
    title="EasyPost",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    polled=POLLED,
    fields=(Field("secret", "Webhook secret", hint="any text of your own; leave it empty to have one made"), API_KEY),
    chosen=frozenset({"secret"}),
    verify=verify,
    read=read,
    steps=(
        "In the EasyPost dashboard, open Webhooks & Events and choose Add Webhook.",
        "Paste the address as the Webhook URL and the secret as the Webhook Secret, for the production environment.",
        "Create a tracker, or send a test: the call appears on the connection's page.",
    ),
    doc="""\
EasyPost pushes the whole history of a tracker whenever it changes. Each push is signed with HMAC-SHA256 over its
body under the webhook secret, in the header `X-Hmac-Signature`. EasyPost repeats a push that was not answered with
2xx for 24 hours. Events that are not about trackers are answered with 200 and ignored.

The time of a scan whose place is incomplete is stored as local time without an offset: the `Z` that EasyPost writes
there only stands for "unknown".""",
)
