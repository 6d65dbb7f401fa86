"""TrackingMore: webhooks of its versions 2, 3 and 4, from TrackingMore or from another Waypost."""

import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from waypost.domain.carriers import CarrierUnreadable
from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, PushedParcel, WrongSignature
from waypost.domain.readings import Reading
from waypost.domain.statuses import SUBSTATUSES, Status, default_substatus, status_of
from waypost.domain.trackings import SkipReason
from waypost.sources import reading, scans, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.couriers.table import is_known
from waypost.sources.pushes import telling
from waypost.sources.reading import Where, clean
from waypost.sources.scans import Scans
from waypost.sources.sender import API_KEY, POLLED, REGISTER, REGISTER_THERE, PushSender
from waypost.sources.signatures import HEX

NAME: Final = "trackingmore"
TOLERANCE_SECONDS: Final = 300
_LONGEST_TIMESTAMP: Final = 12
_ANNOUNCED_IN_V2: Final = ("notfound", "notfound001")
_STATUSES: Final = {status.value: status for status in Status}


class _Signed(msgspec.Struct, frozen=True):
    """The signature in a body: ``timeStr`` in version 2, ``timestamp`` in version 3."""

    time_str: str | int | None = msgspec.field(name="timeStr", default=None)
    timestamp: str | int | None = None
    signature: str | None = None


class _SignedBody(msgspec.Struct, frozen=True):
    """The only part of a body that is read before its signature is checked."""

    verify_info: _Signed | None = msgspec.field(name="verifyInfo", default=None)
    verify: _Signed | None = None


class _Scan(msgspec.Struct, frozen=True):
    """One scan; versions 3 and 4 have the first names, version 2 the last ones."""

    checkpoint_date: str | None = None
    tracking_detail: str | None = None
    location: str | None = None
    country_iso2: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None
    raw_status: str | None = None
    checkpoint_delivery_status: str | None = None
    checkpoint_delivery_substatus: str | None = None
    date: str | None = msgspec.field(name="Date", default=None)
    description: str | None = msgspec.field(name="StatusDescription", default=None)
    details: str | None = msgspec.field(name="Details", default=None)
    checkpoint_status: str | None = None
    substatus: str | None = None


class _Courier(msgspec.Struct, frozen=True):
    trackinfo: tuple[msgspec.Raw, ...] | None = None


class FollowedTracking(msgspec.Struct, frozen=True):
    """A parcel: the same in a push and in the answer to a call."""

    id: str | None = None
    tracking_number: str | None = None
    courier_code: str | None = None
    carrier_code: str | None = None
    update_at: str | None = None
    update_date: str | None = None
    updated_at: str | None = None
    signed_by: str | None = None
    singed_by: str | None = None
    scheduled_delivery_date: str | None = None
    service_code: str | None = None
    origin_country: str | None = None
    origin_state: str | None = None
    origin_city: str | None = None
    destination_country: str | None = None
    destination_state: str | None = None
    destination_city: str | None = None
    original: str | None = None
    destination: str | None = None
    origin_info: _Courier | None = None
    destination_info: _Courier | None = None


class _Body(msgspec.Struct, frozen=True):
    data: msgspec.Raw


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """Verify a push of TrackingMore; see ``sender.Verify``.

    Version 4 is signed in headers with the secret, the others in the body with the e-mail.
    """
    if "signature" in push.headers or "timestamp" in push.headers:
        timestamp, sent = signatures.header(push, "timestamp"), signatures.header(push, "signature")
        _check(timestamp, sent, credentials.get("secret"), now, name="the header signature", key="webhook secret")
        return "v4"
    version, signed = _signed(push.body)
    if signed is None or not signed.signature:
        raise WrongSignature("There is no signature: neither in the headers, nor in verify or verifyInfo of the body.")
    at = signed.time_str if version == "v2" else signed.timestamp
    _check(
        "" if at is None else str(at), signed.signature, credentials.get("email"), now, name="the body", key="e-mail"
    )
    return version


def read(push: Push, arrived_at: int) -> Contents:
    """Read a push of TrackingMore; see ``sender.Read``."""
    data = reading.decode(push.body, _Body).data
    told = told_of(reading.decode(bytes(data), FollowedTracking), arrived_at)
    # Versions 2 and 3 sign each attempt inside the body, so only the data is the same.
    return Contents(telling.key_of(bytes(data)), told, None if told else telling.NOT_A_NUMBER)


def told_of(tracking: FollowedTracking, arrived_at: int) -> tuple[PushedParcel, ...]:
    """Return what TrackingMore says of a parcel, arrived then (Unix milliseconds); nothing without a valid number."""
    found = [
        scans.take(courier.trackinfo, _Scan, f"{name}.trackinfo", _scan)
        for name, courier in (("origin_info", tracking.origin_info), ("destination_info", tracking.destination_info))
        if courier is not None
    ]
    both = sorted((scan for one in found for scan in one.checkpoints), key=lambda scan: scan.checkpoint_date)
    taken = Scans(tuple(both), tuple(skipped for one in found for skipped in one.skipped))
    code = clean(tracking.courier_code) or clean(tracking.carrier_code)
    made = tracking.update_at or tracking.update_date or tracking.updated_at
    observed_at = telling.observed(made, arrived_at)
    courier_code = code if code is not None and is_known(code) else None
    return telling.told(tracking.tracking_number, courier_code, taken, _facts(tracking, taken), observed_at)


def _signed(body: bytes) -> tuple[str, _Signed | None]:
    try:
        found = reading.decode(body, _SignedBody)
    except CarrierUnreadable:
        raise WrongSignature("The body is not JSON, and the headers have no signature.") from None
    return ("v2", found.verify_info) if found.verify_info is not None else ("v3", found.verify)


def _check(timestamp: str, sent: str, secret: str | None, now: int, *, name: str, key: str) -> None:
    """Check a signature of a timestamp. It does not cover the body, so only a fresh one counts."""
    if secret is None:
        raise WrongSignature(f"This connection has no {key}, which such a push is verified with.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _LONGEST_TIMESTAMP):
        raise WrongSignature("The timestamp is not in Unix seconds.")
    signatures.check_digest(sent, hmac.digest(secret.encode(), timestamp.encode(), "sha256"), name=name, forms=(HEX,))
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise WrongSignature("The timestamp is more than five minutes off: check the clock of this machine.")


def _scan(scan: _Scan) -> Checkpoint | SkipReason:
    status = scan.checkpoint_delivery_status or scan.checkpoint_status
    return scans.scan(
        when=reading.iso_time(scan.checkpoint_date or scan.date),
        detail=clean(scan.tracking_detail) or clean(scan.description),
        where=Where(
            clean(scan.location) or clean(scan.details),
            clean(scan.city),
            clean(scan.state),
            clean(scan.zip),
            reading.country(scan.country_iso2),
        ),
        says=_interpret(status, scan.checkpoint_delivery_substatus or scan.substatus),
        raw_status=clean(scan.raw_status),
    )


def _interpret(status: str | None, substatus: str | None) -> Reading:
    """Return what TrackingMore says that a scan means: its statuses are ours."""
    if (status, substatus) == _ANNOUNCED_IN_V2:
        return Reading("inforeceived001", Basis.CODE)
    known = _STATUSES.get(status or "")
    if substatus in SUBSTATUSES and (known is None or status_of(substatus) is known):
        return Reading(substatus, Basis.CODE)
    if known is None or known in (Status.PENDING, Status.NOTFOUND):
        return Reading(None, Basis.TEXT)
    return Reading(default_substatus(known), Basis.CODE)


def _facts(tracking: FollowedTracking, taken: Scans) -> dict[str, str]:
    return reading.known(
        {
            "service_code": clean(tracking.service_code),
            "scheduled_delivery_date": reading.day(tracking.scheduled_delivery_date),
            "signed_by": clean(tracking.signed_by or tracking.singed_by) if taken.end_in_delivery else None,
            "origin_country": reading.country(tracking.origin_country or tracking.original),
            "origin_state": clean(tracking.origin_state),
            "origin_city": clean(tracking.origin_city),
            "destination_country": reading.country(tracking.destination_country or tracking.destination),
            "destination_state": clean(tracking.destination_state),
            "destination_city": clean(tracking.destination_city),
        }
    )


SENDER: Final = PushSender(
    name=NAME,
    title="TrackingMore",
    kind=ConnectionKind.PUSH,
    choices=(REGISTER, REGISTER_THERE),
    polled=POLLED,
    fields=(
        Field("secret", "Webhook secret", required=False, hint="for webhooks of version 4, from Webhook secure"),
        Field(
            "email", "Account's e-mail address", secret=False, required=False, hint="for webhooks of versions 2 and 3"
        ),
        API_KEY,
    ),
    verify=verify,
    read=read,
    steps=(
        "In TrackingMore, open Developer, then Webhooks, and copy the secret of Webhook secure into this connection.",
        "Choose Add webhook, paste the address as the URL, and choose version 4 and all statuses.",
        "Choose Actions, then Test endpoint: the call appears on the connection's page.",
    ),
    doc="""\
Waypost receives TrackingMore's webhooks of versions 2, 3 and 4, from TrackingMore or from another Waypost. Version
4 is signed in the headers `timestamp` and `signature` with the webhook secret; versions 2 and 3 are signed in the
body with the account's e-mail address. These signatures cover the timestamp only, so the address is secret, too,
and a timestamp that is more than five minutes off is refused. Statuses and substatuses are taken over as they are.""",
)
