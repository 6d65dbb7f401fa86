"""AfterShip: webhooks of its Tracking API, signed over the raw body."""

from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel
from waypost.domain.trackings import SkipReason
from waypost.sources import codes, reading, scans, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.pushes import telling
from waypost.sources.pushes.courier_names import code_of
from waypost.sources.reading import Where, clean
from waypost.sources.scans import Scans
from waypost.sources.sender import API_KEY, POLLED, REGISTER, REGISTER_THERE, PushSender
from waypost.sources.signatures import BASE64

NAME: Final = "aftership"
HEADER: Final = "aftership-hmac-sha256"
_UPDATE: Final = "tracking_update"
_TABLES: Final = codes.load(__package__, "aftership.toml")
_SECONDS: Final = range(1_000_000_000, 10_000_000_000)


class _Scan(msgspec.Struct, frozen=True):
    checkpoint_time: str | None = None
    message: str | None = None
    tag: str | None = None
    subtag: str | None = None
    city: str | None = None
    state: str | None = None
    zip: str | None = None
    location: str | None = None
    country_region: str | None = None
    country_iso3: str | None = None
    raw_tag: str | None = None


class AfterShipTracking(msgspec.Struct, frozen=True):
    """A tracking: the same in a push and in the answer to a call."""

    tracking_number: str | None = None
    slug: str | None = None
    signed_by: str | None = None
    expected_delivery: str | None = None
    shipment_type: str | None = None
    shipment_weight: float | str | None = None
    shipment_weight_unit: str | None = None
    origin_country_region: str | None = None
    origin_country_iso3: str | None = None
    origin_state: str | None = None
    origin_city: str | None = None
    destination_country_region: str | None = None
    destination_country_iso3: str | None = None
    destination_state: str | None = None
    destination_city: str | None = None
    checkpoints: tuple[msgspec.Raw, ...] | None = None


class _Body(msgspec.Struct, frozen=True):
    event: str | None = None
    event_id: str | None = None
    ts: int | None = None
    msg: AfterShipTracking = AfterShipTracking()


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of AfterShip; see ``sender.Verify``."""
    del now  # the signature covers the body, and a repeated push has no effect
    expected = signatures.hmac_sha256(signatures.secret_of(credentials), push.body)
    return signatures.check_digest(signatures.header(push, HEADER), expected, name=HEADER, forms=(BASE64,))


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of AfterShip; see ``sender.Read``."""
    body = reading.decode(push.body, _Body)
    if body.event not in (None, _UPDATE):
        return telling.ignored(push, f"{clean(body.event, most=60)} is not an update of a tracking.")
    key = telling.body_key(push) if body.event_id is None else telling.key_of(body.event_id)
    observed_at = arrived_at if body.ts is None or body.ts not in _SECONDS else min(arrived_at, body.ts * 1000)
    told = told_of(body.msg, observed_at)
    return Contents(key, told, None if told else telling.NOT_A_NUMBER)


def told_of(tracking: AfterShipTracking, observed_at: int) -> tuple[PushedParcel, ...]:
    """Return what AfterShip says of a tracking, observed then (Unix milliseconds); nothing without a valid number."""
    taken = scans.take(tracking.checkpoints, _Scan, "checkpoints", _scan, newest_first=False)
    courier = code_of(NAME, tracking.slug)
    return telling.told(tracking.tracking_number, courier, taken, _facts(tracking, taken), observed_at)


def _scan(scan: _Scan) -> Checkpoint | SkipReason:
    detail = clean(scan.message)
    country = reading.country(scan.country_region) or reading.country(scan.country_iso3)
    place = reading.place(city=scan.city, state=scan.state, zip=scan.zip, country_code=country)
    return scans.scan(
        when=reading.iso_time(scan.checkpoint_time),
        detail=detail,
        where=Where(place.location or clean(scan.location), place.city, place.state, place.zip, country),
        says=codes.interpret([(scan.subtag, _TABLES["subtag"]), (scan.tag, _TABLES["tag"])], [detail]),
        raw_status=clean(scan.raw_tag) or clean(scan.subtag),
    )


def _facts(tracking: AfterShipTracking, taken: Scans) -> dict[str, str]:
    origin = reading.country(tracking.origin_country_region) or reading.country(tracking.origin_country_iso3)
    destination = reading.country(tracking.destination_country_region) or reading.country(
        tracking.destination_country_iso3
    )
    return reading.known(
        {
            "service_code": clean(tracking.shipment_type),
            "scheduled_delivery_date": reading.day(tracking.expected_delivery),
            "signed_by": clean(tracking.signed_by) if taken.end_in_delivery else None,
            "origin_country": origin,
            "origin_state": clean(tracking.origin_state),
            "origin_city": clean(tracking.origin_city),
            "destination_country": destination,
            "destination_state": clean(tracking.destination_state),
            "destination_city": clean(tracking.destination_city),
        }
    ) | reading.weight(tracking.shipment_weight, tracking.shipment_weight_unit)


SENDER: Final = PushSender(
    name=NAME,
    title="AfterShip",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    polled=POLLED,
    fields=(
        Field("secret", "Webhook secret", required=False, hint="you can add it after you have added the webhook"),
        API_KEY,
    ),
    verify=verify,
    read=read,
    steps=(
        "In AfterShip Tracking, open Notifications, then Webhooks, and choose Add webhook URL.",
        "Paste the address, and choose all triggers.",
        "Copy the Webhook secret from the same page into this connection: Actions, Replace credentials.",
    ),
    doc="""\
AfterShip pushes all checkpoints of a tracking whenever it changes. Each push is signed with HMAC-SHA256 over its
body under the webhook secret, as Base64 in the header `aftership-hmac-sha256`. AfterShip sends to the ports 80, 443
and 8080 only, and repeats a push that was not answered with 2xx. Subtags decide about a checkpoint's status, tags
if there is none.""",
)
