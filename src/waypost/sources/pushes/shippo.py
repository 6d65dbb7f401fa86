"""Shippo: track_updated webhooks, signed if Shippo has provisioned a secret, otherwise known by their address."""

from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, WrongSignature
from waypost.domain.trackings import SkipReason
from waypost.sources import codes, reading, scans, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.pushes.courier_names import code_of
from waypost.sources.reading import clean
from waypost.sources.sender import API_KEY, REGISTER, REGISTER_THERE, PushSender
from waypost.sources.signatures import HEX

NAME: Final = "shippo"
HEADER: Final = "Shippo-Auth-Signature"
_UPDATED: Final = "track_updated"
_TABLES: Final = codes.load(__package__, "shippo.toml")


class _Place(msgspec.Struct, frozen=True):
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    country: str | None = None


class _Substatus(msgspec.Struct, frozen=True):
    code: str | None = None


class _Scan(msgspec.Struct, frozen=True):
    object_created: str | None = None
    status: str | None = None
    status_details: str | None = None
    status_date: str | None = None
    substatus: _Substatus | None = None
    location: _Place | None = None


class _Service(msgspec.Struct, frozen=True):
    name: str | None = None


class _Track(msgspec.Struct, frozen=True):
    carrier: str | None = None
    tracking_number: str | None = None
    eta: str | None = None
    servicelevel: _Service | None = None
    tracking_status: _Scan | None = None
    tracking_history: tuple[msgspec.Raw, ...] | None = None
    address_from: _Place | None = None
    address_to: _Place | None = None


class _Body(msgspec.Struct, frozen=True):
    event: str | None = None
    data: _Track = _Track()


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of Shippo; see ``sender.Verify``."""
    del now  # whether a repeated push has a new time is not documented, and a repeated push has no effect
    if "secret" not in credentials:
        return "address"
    parts = dict(part.strip().partition("=")[::2] for part in signatures.header(push, HEADER).split(","))
    at, sent = parts.get("t", ""), parts.get("v1", "")
    if not at.isdecimal() or not at.isascii():
        raise WrongSignature(f"The header {HEADER} has no time in Unix seconds.")
    expected = signatures.hmac_sha256(credentials["secret"], at.encode() + b"." + push.body)
    return signatures.check_digest(sent, expected, name=HEADER, forms=(HEX,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of Shippo; see ``sender.Read``."""
    body = reading.decode(push.body, _Body)
    if body.event != _UPDATED:
        return telling.ignored(push, f"{clean(body.event, most=60) or 'The event'} is not an update of a tracking.")
    track = body.data
    taken = scans.take(track.tracking_history, _Scan, "tracking_history", _scan, newest_first=False)
    made = None if track.tracking_status is None else track.tracking_status.object_created
    courier = code_of(NAME, track.carrier)
    told = telling.told(track.tracking_number, courier, taken, _facts(track), telling.observed(made, arrived_at))
    return Contents(telling.body_key(push), told, None if told else telling.NOT_A_NUMBER)


def _scan(scan: _Scan) -> Checkpoint | SkipReason:
    detail = clean(scan.status_details)
    place = scan.location or _Place()
    fine = None if scan.substatus is None else scan.substatus.code
    return scans.scan(
        when=reading.iso_time(scan.status_date),
        detail=detail,
        where=reading.place(city=place.city, state=place.state, zip=place.zip, country_code=place.country),
        says=codes.interpret([(fine, _TABLES["substatus"]), (scan.status, _TABLES["status"])], [detail]),
        raw_status=clean(fine) or clean(scan.status),
    )


def _facts(track: _Track) -> dict[str, str]:
    origin, destination = track.address_from or _Place(), track.address_to or _Place()
    return reading.known(
        {
            "service_code": None if track.servicelevel is None else clean(track.servicelevel.name),
            "scheduled_delivery_date": reading.day(track.eta),
            "origin_country": reading.country(origin.country),
            "origin_state": clean(origin.state),
            "origin_city": clean(origin.city),
            "destination_country": reading.country(destination.country),
            "destination_state": clean(destination.state),
            "destination_city": clean(destination.city),
        }
    )


SENDER: Final = PushSender(
    name=NAME,
    title="Shippo",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    fields=(
        Field(
            "secret",
            "HMAC secret",
            required=False,
            hint="only if Shippo's staff has provisioned one; otherwise the secret address authenticates its pushes",
        ),
        API_KEY,
    ),
    verify=verify,
    read=read,
    steps=(
        "In Shippo, open Settings, then API, then Webhooks, and choose Add webhook.",
        "Choose the event type Track Updated and paste the address as the URL.",
        "Choose Test: the call appears on the connection's page.",
    ),
    doc="""\
Shippo pushes the whole history of a tracking whenever it changes. Shippo signs pushes only if its staff has
provisioned a secret for your account: then the header `Shippo-Auth-Signature` has a time and the HMAC-SHA256 of the
time and the body. Without a secret, the address alone authenticates the pushes, so replace it if anybody else has
seen it.""",
)
