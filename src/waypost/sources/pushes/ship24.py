"""Ship24: webhooks with a bearer token, which contain only the events since the previous push."""

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
from waypost.sources.reading import When, Where, clean
from waypost.sources.scans import Scans
from waypost.sources.sender import API_KEY, POLLED, REGISTER, REGISTER_THERE, PushSender

NAME: Final = "ship24"
_TABLES: Final = codes.load(__package__, "ship24.toml")


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    generated_at: str | None = None
    message_id: str | None = None


class _Tracker(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None


class _Delivery(msgspec.Struct, frozen=True, rename="camel"):
    estimated_delivery_date: str | None = None
    service: str | None = None
    signed_by: str | None = None


class _Shipment(msgspec.Struct, frozen=True, rename="camel"):
    origin_country_code: str | None = None
    destination_country_code: str | None = None
    delivery: _Delivery | None = None


class _Scan(msgspec.Struct, frozen=True, rename="camel"):
    status: str | None = None
    occurrence_datetime: str | None = None
    utc_offset: str | None = None
    location: str | None = None
    courier_code: str | None = None
    status_code: str | None = None
    status_milestone: str | None = None


class Ship24Tracking(msgspec.Struct, frozen=True):
    """A tracking: the same in a push and in the answer to a call."""

    metadata: _Metadata = _Metadata()
    tracker: _Tracker = _Tracker()
    shipment: _Shipment = _Shipment()
    events: tuple[msgspec.Raw, ...] | None = None


class _Body(msgspec.Struct, frozen=True):
    trackings: tuple[Ship24Tracking, ...]


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of Ship24; see ``sender.Verify``."""
    del now  # the credential has no time, and a repeated push has no effect
    signatures.check_text(signatures.bearer(push), signatures.secret_of(credentials), name="Authorization")
    return "bearer"


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of Ship24; see ``sender.Read``."""
    trackings = reading.decode(push.body, _Body).trackings
    told = tuple(one for tracking in trackings for one in told_of(tracking, arrived_at))
    messages = [tracking.metadata.message_id or "" for tracking in trackings]
    key = telling.key_of(*messages) if messages and all(messages) else telling.body_key(push)
    return Contents(key, told, None if told else telling.NOT_A_NUMBER)


def told_of(tracking: Ship24Tracking, arrived_at: int) -> tuple[PushedParcel, ...]:
    """Return what Ship24 says of a tracking, arrived then (Unix milliseconds); nothing without a valid number."""
    taken = scans.take(tracking.events, _Scan, "events", _scan)
    observed_at = telling.observed(tracking.metadata.generated_at, arrived_at)
    facts = _facts(tracking.shipment, taken)
    return telling.told(tracking.tracker.tracking_number, _courier(tracking), taken, facts, observed_at)


def _courier(tracking: Ship24Tracking) -> str | None:
    """Return the courier of the newest event, which a code is known for."""
    named = (event for event in reading.each(tracking.events, _Scan))
    return next((code for event in named if (code := code_of(NAME, event.courier_code))), None)


def _scan(event: _Scan) -> Checkpoint | SkipReason:
    detail = clean(event.status)
    known = ((event.status_code, _TABLES["code"]), (event.status_milestone, _TABLES["milestone"]))
    return scans.scan(
        when=_when(event),
        detail=detail,
        where=Where(clean(event.location)),
        says=codes.interpret(known, [detail]),
        raw_status=clean(event.status_code) or clean(event.status_milestone),
    )


def _when(event: _Scan) -> When | None:
    """Return the local time; ``datetime`` beside it has a ``Z`` that means nothing if the offset is not known."""
    at = reading.iso_time(event.occurrence_datetime)
    if at is None or at.offset_minutes is not None:
        return at
    return When(at.wall_time, reading.offset(event.utc_offset))


def _facts(shipment: _Shipment, taken: Scans) -> dict[str, str]:
    delivery = shipment.delivery or _Delivery()
    return reading.known(
        {
            "service_code": clean(delivery.service),
            "scheduled_delivery_date": reading.day(delivery.estimated_delivery_date),
            "signed_by": clean(delivery.signed_by) if taken.end_in_delivery else None,
            "origin_country": reading.country(shipment.origin_country_code),
            "destination_country": reading.country(shipment.destination_country_code),
        }
    )


SENDER: Final = PushSender(
    name=NAME,
    title="Ship24",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    polled=POLLED,
    fields=(
        Field("secret", "Webhook secret", required=False, hint="you can add it after you have set the URL"),
        API_KEY,
    ),
    verify=verify,
    read=read,
    steps=(
        "In the Ship24 dashboard, open Integrations, then Webhook, and paste the address as the Webhook URL.",
        "Copy the webhook secret from there into this connection: Actions, Replace credentials.",
        "Send a test from there: the call appears on the connection's page.",
    ),
    doc="""\
Ship24 pushes the events since its previous push, with the webhook secret as a bearer token in the header
`Authorization`. The token does not cover the body, so the address is secret, too. Waypost adds the events to those
that are known. A status code decides about a scan's status, the milestone if there is none.""",
)
