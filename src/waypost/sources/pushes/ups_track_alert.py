"""UPS Track Alert: one event in each push, with a credential of the shop's own choice."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Contents, Push, WrongSignature
from waypost.sources import reading, signatures
from waypost.sources.carriers.carrier import Field
from waypost.sources.carriers.ups.read import read_answer
from waypost.sources.pushes import telling
from waypost.sources.reading import clean
from waypost.sources.sender import PushSender

NAME: Final = "ups-track-alert"
_OK: Final = 200
_CREDENTIAL: Final = "credential"


class _Place(msgspec.Struct, frozen=True, rename="camel"):
    city: str | None = None
    state_province: str | None = None
    postal_code: str | None = None
    country: str | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    type: str | None = None
    code: str | None = None
    description: str | None = None
    description_code: str | None = None


class _Alert(msgspec.Struct, frozen=True, rename="camel"):
    tracking_number: str | None = None
    local_activity_date: str | None = None
    local_activity_time: str | None = None
    gmt_activity_date: str | None = None
    gmt_activity_time: str | None = None
    gmt_offset: str | None = None
    activity_location: _Place = _Place()
    activity_status: _Status = _Status()
    scheduled_delivery_date: str | None = None
    received_by: str | None = None


def verify(push: Push, credentials: Mapping[str, str], now: int) -> str:
    """See ``sender.Verify``. UPS documents no signature, only that it sends a credential: three ways are accepted."""
    del now  # the credential has no time, and a repeated push has no effect
    secret = signatures.secret_of(credentials)
    if own := push.headers.get(_CREDENTIAL, "").strip():
        signatures.check_text(own, secret, name=_CREDENTIAL)
        return _CREDENTIAL
    sent = signatures.header(push, "Authorization")
    kind, _, token = sent.partition(" ")
    if kind.lower() == "bearer":
        signatures.check_text(token.strip(), secret, name="Authorization")
        return "bearer"
    if kind.lower() == "basic":
        raise WrongSignature("The header Authorization has Basic credentials: choose a bearer token at UPS.")
    signatures.check_text(sent, secret, name="Authorization")
    return "authorization"


def read(push: Push, arrived_at: int) -> Contents:
    """See ``sender.Read``. The alert is read as the answer to a poll with this one activity."""
    alert = reading.decode(push.body, _Alert)
    answer = msgspec.json.encode(_as_answer(alert))
    told = telling.as_polled(alert.tracking_number, "ups", lambda number: read_answer(_OK, answer, number), arrived_at)
    status = alert.activity_status
    parts = (alert.tracking_number, status.type, status.code, alert.local_activity_date, alert.local_activity_time)
    key = telling.key_of(*(part or "" for part in parts))
    return Contents(key, told, None if told else telling.NOT_A_NUMBER)


def _as_answer(alert: _Alert) -> dict[str, Any]:
    status, place = alert.activity_status, alert.activity_location
    activity = {
        "date": alert.local_activity_date,
        "time": alert.local_activity_time,
        "gmtDate": alert.gmt_activity_date,
        "gmtTime": _with_colons(alert.gmt_activity_time),
        "gmtOffset": alert.gmt_offset,
        "location": {
            "address": {
                "city": place.city,
                "stateProvince": place.state_province,
                "postalCode": place.postal_code,
                "countryCode": place.country,
            }
        },
        "status": {
            "type": status.type,
            "code": status.code,
            "description": clean(status.description),
            "statusCode": status.description_code,
        },
    }
    package: dict[str, Any] = {
        "trackingNumber": (alert.tracking_number or "").strip().upper(),
        "activity": [activity],
        "deliveryInformation": {"receivedBy": alert.received_by},
    }
    if alert.scheduled_delivery_date:
        package["deliveryDate"] = [{"type": "SDD", "date": alert.scheduled_delivery_date}]
    return {"trackResponse": {"shipment": [{"package": [package]}]}}


def _with_colons(digits: str | None) -> str | None:
    """Return a time of six digits as UPS' answers to polls write it."""
    return None if digits is None else f"{digits[:2]}:{digits[2:4]}:{digits[4:6]}"


SENDER: Final = PushSender(
    name=NAME,
    title="UPS Track Alert",
    kind=ConnectionKind.PUSH,
    fields=(Field("secret", "Credential", hint="any text of your own; leave it empty to have one made"),),
    chosen=frozenset({"secret"}),
    verify=verify,
    read=read,
    steps=(
        "In the UPS Developer Portal, open your app with the product Track Alert.",
        "Paste the address as the destination URL and the credential as the bearer token.",
        "Subscribe to your 1Z numbers; UPS ends a subscription after 14 days.",
    ),
    doc="""\
UPS pushes one event at a time. It does not sign its pushes: it sends a credential of your own choice, which Waypost
expects in the header `Authorization`, as a bearer token or as it is, or in the header `credential`. Which one comes
is in the log as `push_signature_seen`. The credential does not cover the body, so the address is secret, too. An
event is read with the same codes as UPS' answers to polls. Pushes with delivery photos may be larger than Waypost
accepts; poll UPS as well.""",
)
