"""The content of a webhook, in one shape for V2, V3 and V4.

Names and spellings differ from version to version; ``_NAMES`` holds all the differences. Unknown members remain in
``data``; optional members that are missing or malformed are None, never an error.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from waypost.receiver.bodies import Body, raw
from waypost.receiver.errors import UnreadableEventError
from waypost.receiver.headers import Headers, lowered

_NAMES: Final[dict[str, dict[str, str]]] = {
    "V4": {
        "courier_code": "courier_code",
        "status": "delivery_status",
        "order_number": "order_number",
        "note": "note",
        "origin_country": "origin_country",
        "destination_country": "destination_country",
        "signed_by": "signed_by",
        "updated_at": "update_at",
        "transit_days": "transit_time",
        "latest_event": "latest_event",
    },
    "V3": {
        "courier_code": "courier_code",
        "status": "delivery_status",
        "order_number": "order_number",
        "note": "note",
        "origin_country": "original",
        "destination_country": "destination",
        "signed_by": "consignee",
        "updated_at": "update_date",
        "transit_days": "transit_time",
        "latest_event": "latest_event",
    },
    "V2": {
        "courier_code": "carrier_code",
        "status": "status",
        "order_number": "order_id",
        "note": "comment",
        "origin_country": "original_country",
        "destination_country": "destination_country",
        "signed_by": "singed_by",
        "updated_at": "updated_at",
        "transit_days": "itemTimeLength",
        "latest_event": "lastEvent",
    },
}
_SCAN_NAMES: Final = {
    "V4": (
        *("checkpoint_date", "tracking_detail", "location"),
        *("checkpoint_delivery_status", "checkpoint_delivery_substatus"),
    ),
    "V2": ("Date", "StatusDescription", "Details", "checkpoint_status", "substatus"),
}
_SCAN_NAMES["V3"] = _SCAN_NAMES["V4"]
_LONGEST_NUMBER: Final = 9
_DEEPEST: Final = 64
"""No event is nested nearly this deeply; a deeper one could not be written as JSON again, here or by its receiver."""

_ANNOUNCED: Final = ("inforeceived", "inforeceived001")
_ANNOUNCED_IN_V2: Final = ("notfound", "notfound001")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One scan. ``at`` is the local wall time without an offset; None if it can't be read."""

    at: datetime | None
    detail: str
    location: str | None
    status: str | None
    substatus: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingEvent:
    """One event of a parcel, with the parcel's whole state after it.

    ``id`` is the same over all attempts: that of the webhook, or derived from ``data`` if the sender gives none.
    ``sequence`` counts the events of a tracking from 1; None if the sender does not count. ``status`` is one of
    pending, notfound, inforeceived, transit, pickup, undelivered, delivered, exception, expired, or a status added
    later. ``data`` is the object as sent. Countries are codes, in V2 names. A ``test`` does not concern a real parcel.
    Neither ``sequence`` nor ``test`` is covered by a signature: they are headers.
    """

    version: str
    id: str
    sequence: int | None
    test: bool
    tracking_id: str
    tracking_number: str
    courier_code: str | None
    status: str
    substatus: str | None
    order_number: str | None
    title: str | None
    note: str | None
    customer_name: str | None
    customer_email: str | None
    origin_country: str | None
    destination_country: str | None
    signed_by: str | None
    scheduled_delivery_date: str | None
    latest_event: str | None
    transit_days: int | None
    created_at: datetime | None
    updated_at: datetime | None
    data: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """The scans of both couriers, newest first; they are parsed on first use."""
        return _checkpoints(self.version, self.data)


def read_event(body: Body, headers: Headers) -> TrackingEvent:
    """Return the event of a body that is known to be genuine.

    Raise UnreadableEventError if it is not an event, UnusableArgumentError if the body or the headers are not valid.
    """
    return read_document(read_json(raw(body)), lowered(headers))


def read_feed_item(item: Mapping[str, Any]) -> TrackingEvent:
    """Return the event of an item of ``GET /v1/events``. Raise UnreadableEventError if it is not one."""
    if not isinstance(item, Mapping):
        raise UnreadableEventError("The item is not a JSON object.")
    return make_event("V4", item.get("data"), item.get("id"), item.get("sequence"))


def read_json(body: bytes) -> dict[str, Any]:
    """Return a body's JSON object. Raise UnreadableEventError if it has none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableEventError("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise UnreadableEventError("The body is not a JSON object.")
    return document


def read_document(document: Mapping[str, Any], headers: Mapping[str, str]) -> TrackingEvent:
    """Return the event of a body's JSON; see ``read_event``."""
    return make_event(
        _version_of(document),
        document.get("data"),
        headers.get("webhook-id"),
        headers.get("waypost-sequence"),
        test=headers.get("waypost-test") == "true",
    )


def make_event(version: str, data: Any, identity: object, sequence: object, *, test: bool = False) -> TrackingEvent:
    """Return the event of a tracking object as the version writes it. Raise UnreadableEventError if it is not one."""
    if not isinstance(data, dict):
        raise UnreadableEventError("The member data is missing: this is not a tracking event.")
    if _is_too_deep(data):
        raise UnreadableEventError("The member data is nested too deeply.")
    names = _NAMES[version]
    number, status = _text(data.get("tracking_number")), _text(data.get(names["status"]))
    if number is None or status is None:
        name = "tracking_number" if number is None else names["status"]
        raise UnreadableEventError(f"The member data.{name} is missing: this is not a tracking event.")
    status, substatus = _announced(version, status, _text(data.get("substatus")))
    return TrackingEvent(
        version=version,
        id=_text(identity) or _digest(data),
        sequence=_whole(sequence),
        test=test,
        tracking_id=_text(data.get("id")) or number,
        tracking_number=number,
        courier_code=_text(data.get(names["courier_code"])),
        status=status or "",
        substatus=substatus,
        order_number=_text(data.get(names["order_number"])),
        title=_text(data.get("title")),
        note=_text(data.get(names["note"])),
        customer_name=_text(data.get("customer_name")),
        customer_email=_text(data.get("customer_email")),
        origin_country=_text(data.get(names["origin_country"])),
        destination_country=_text(data.get(names["destination_country"])),
        signed_by=_text(data.get(names["signed_by"])),
        scheduled_delivery_date=_text(data.get("scheduled_delivery_date")),
        latest_event=_text(data.get(names["latest_event"])),
        transit_days=_whole(data.get(names["transit_days"])),
        created_at=_instant(data.get("created_at")),
        updated_at=_instant(data.get(names["updated_at"])),
        data=data,
    )


def _version_of(document: Mapping[str, Any]) -> str:
    """Return the version, which each has a distinctive member for."""
    data = document.get("data")
    if "meta" in document or "verifyInfo" in document or (isinstance(data, dict) and "carrier_code" in data):
        return "V2"
    if "verify" in document or (isinstance(data, dict) and "update_date" in data):
        return "V3"
    return "V4"


def _checkpoints(version: str, data: Mapping[str, Any]) -> tuple[Checkpoint, ...]:
    when, detail, where, status, substatus = _SCAN_NAMES[version]
    found = []
    for courier in ("destination_info", "origin_info"):
        info = data.get(courier)
        scans = info.get("trackinfo") if isinstance(info, dict) else None
        for scan in scans if isinstance(scans, list) else ():
            if isinstance(scan, dict):
                kind = _announced(version, _text(scan.get(status)), _text(scan.get(substatus)))
                at = _wall_time(scan.get(when))
                found.append(Checkpoint(at, _text(scan.get(detail)) or "", _text(scan.get(where)), *kind))
    return tuple(sorted(found, key=lambda scan: scan.at or datetime.min, reverse=True))  # noqa: DTZ901 - wall times


def _announced(version: str, status: str | None, substatus: str | None) -> tuple[str | None, str | None]:
    """Return a status as V4 has it: V2 uses "not found" for parcels that were only announced."""
    if version == "V2" and (status, substatus) == _ANNOUNCED_IN_V2:
        return _ANNOUNCED
    return status, substatus


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return (value if value.isascii() else value.encode(errors="replace").decode()) or None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return format(value, "") if is_number else None


def _whole(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 10**_LONGEST_NUMBER else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        return int(value)
    return None


def _instant(value: object) -> datetime | None:
    """Return a time with an offset; without one it is UTC."""
    at = _time(value)
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _wall_time(value: object) -> datetime | None:
    at = _time(value)
    return None if at is None else at.replace(tzinfo=None)


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _digest(data: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(data, sort_keys=True)
    except (TypeError, ValueError):
        raise UnreadableEventError("The member data contains something that is not JSON.") from None
    return "sha256_" + sha256(text.encode()).hexdigest()


def _is_too_deep(data: dict[str, Any]) -> bool:
    level: list[Any] = [data]
    for _ in range(_DEEPEST):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [child for part in parts for child in part if isinstance(child, dict | list)]
        if not level:
            return False
    return True
