"""17TRACK: webhooks of its API v2.4, signed over the raw body with the API key."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.domain.readings import Reading
from waypost.domain.trackings import SkipReason
from waypost.sources import codes, reading, scans, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.pushes.courier_names import code_of
from waypost.sources.reading import When, Where, clean
from waypost.sources.scans import Scans
from waypost.sources.sender import POLLED, REGISTER, REGISTER_THERE, PushSender
from waypost.sources.signatures import HEX

NAME: Final = "17track"
HEADER: Final = "sign"
_UPDATED: Final = "TRACKING_UPDATED"
_STOPPED: Final = "TRACKING_STOPPED"
_NOT_FOUND: Final = "NotFound"
_TABLES: Final = codes.load(__package__, "track17.toml")


class _Address(msgspec.Struct, frozen=True):
    country: str | None = None
    state: str | None = None
    city: str | None = None
    postal_code: str | None = None


class _RawTime(msgspec.Struct, frozen=True):
    date: str | None = None
    time: str | None = None
    timezone: str | None = None


class _Translation(msgspec.Struct, frozen=True):
    description: str | None = None


class _Scan(msgspec.Struct, frozen=True):
    time_iso: str | None = None
    time_raw: _RawTime | None = None
    description: str | None = None
    description_translation: _Translation | None = None
    location: str | None = None
    stage: str | None = None
    sub_status: str | None = None
    address: _Address | None = None


class _Provider(msgspec.Struct, frozen=True):
    service_type: str | None = None
    events: tuple[msgspec.Raw, ...] | None = None


class _Providers(msgspec.Struct, frozen=True):
    providers: tuple[_Provider, ...] | None = None


class _Status(msgspec.Struct, frozen=True):
    status: str | None = None


class _Shipping(msgspec.Struct, frozen=True):
    shipper_address: _Address | None = None
    recipient_address: _Address | None = None


class _Expected(msgspec.Struct, frozen=True):
    start: str | None = msgspec.field(name="from", default=None)


class _Metrics(msgspec.Struct, frozen=True):
    estimated_delivery_date: _Expected | None = None


class _More(msgspec.Struct, frozen=True):
    weight_kg: str | float | None = None


class _Track(msgspec.Struct, frozen=True):
    shipping_info: _Shipping | None = None
    latest_status: _Status | None = None
    time_metrics: _Metrics | None = None
    misc_info: _More | None = None
    tracking: _Providers | None = None


class Followed(msgspec.Struct, frozen=True):
    """A number and all that 17TRACK knows of it: the same in a push and in the answer to a call."""

    number: str | None = None
    carrier: int | str | None = None
    track_info: _Track | None = None


class _Body(msgspec.Struct, frozen=True):
    event: str | None = None
    data: Followed = Followed()


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of 17TRACK; see ``sender.Verify``."""
    del now  # the signature covers the body, and a repeated push has no effect
    expected = sha256(push.body + b"/" + signatures.secret_of(credentials, "api_key").encode()).digest()
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(HEX,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of 17TRACK; see ``sender.Read``."""
    body = reading.decode(push.body, _Body)
    data, track = body.data, body.data.track_info
    if body.event == _STOPPED:
        return telling.ignored(push, f"17TRACK has stopped tracking {clean(data.number, most=64)}.")
    if body.event != _UPDATED or track is None:
        return telling.ignored(push, f"{clean(body.event, most=60) or 'The event'} is not an update.")
    told = told_of(data, arrived_at)
    return Contents(telling.body_key(push), told, None if told else telling.NOT_A_NUMBER)


def told_of(data: Followed, observed_at: int) -> tuple[PushedParcel, ...]:
    """Return what 17TRACK says about a number, observed then (Unix milliseconds); nothing if it is not valid."""
    track = data.track_info or _Track()
    found = [
        scans.take(provider.events, _Scan, "events", _scan)
        for provider in (track.tracking or _Providers()).providers or ()
    ]
    every = sorted((scan for one in found for scan in one.checkpoints), key=lambda scan: scan.checkpoint_date)
    taken = Scans(tuple(every), tuple(skipped for one in found for skipped in one.skipped))
    unknown = track.latest_status is not None and track.latest_status.status == _NOT_FOUND
    courier = code_of(NAME, data.carrier)
    return telling.told(data.number, courier, taken, _facts(track), observed_at, unknown_number=unknown)


def _scan(event: _Scan) -> Checkpoint | SkipReason:
    address = event.address or _Address()
    detail = clean(event.description)
    place = reading.place(city=address.city, state=address.state, zip=address.postal_code, country_code=address.country)
    return scans.scan(
        when=_when(event),
        detail=detail,
        where=Where(clean(event.location) or place.location, place.city, place.state, place.zip, place.country_iso2),
        says=_interpret(event, detail),
        raw_status=clean(event.sub_status) or clean(event.stage),
    )


def _interpret(event: _Scan, detail: str | None) -> Reading:
    translated = None if event.description_translation is None else event.description_translation.description
    known = ((event.sub_status, _TABLES["sub_status"]), (event.stage, _TABLES["stage"]))
    return codes.interpret(known, [clean(translated), detail])


def _when(event: _Scan) -> When | None:
    """Return the time with its offset or, if 17TRACK knows none, the wall time as the carrier wrote it."""
    at = reading.iso_time(event.time_iso)
    raw = event.time_raw
    if at is not None or raw is None or raw.date is None:
        return at
    return reading.iso_time(f"{raw.date}T{raw.time or '00:00:00'}{raw.timezone or ''}")


def _facts(track: _Track) -> dict[str, str]:
    shipping = track.shipping_info or _Shipping()
    origin, destination = shipping.shipper_address or _Address(), shipping.recipient_address or _Address()
    expected = (track.time_metrics or _Metrics()).estimated_delivery_date or _Expected()
    services = (provider.service_type for provider in (track.tracking or _Providers()).providers or ())
    return reading.known(
        {
            "service_code": next((text for one in services if (text := clean(one))), None),
            "scheduled_delivery_date": reading.day(expected.start),
            "origin_country": reading.country(origin.country),
            "origin_state": clean(origin.state),
            "origin_city": clean(origin.city),
            "destination_country": reading.country(destination.country),
            "destination_state": clean(destination.state),
            "destination_city": clean(destination.city),
        }
    ) | reading.weight((track.misc_info or _More()).weight_kg, "kg")


SENDER: Final = PushSender(
    name=NAME,
    title="17TRACK",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    polled=POLLED,
    fields=(
        Field("api_key", "API Key", hint="the security key of your 17TRACK API account, under Settings, Security"),
    ),
    verify=verify,
    read=read,
    steps=(
        "In the 17TRACK API dashboard, open Settings, then WebHook.",
        "Paste the address as the WebHook URL and choose API version 2.4.",
        "Choose Test: the call appears on the connection's page.",
    ),
    doc="""\
17TRACK pushes the whole history of a number, of every carrier that handles it, whenever it changes. Each push has
the SHA-256 of its body and the API key in the header `sign`. A scan without a known offset keeps the local time
that the carrier gave. `TRACKING_STOPPED`, which 17TRACK sends when it stops tracking a number, is ignored: the
parcel expires by Waypost's own rule.""",
)
