"""The V2 body, with the names that its receivers know (trackingmore.md A6), including the odd ones.

V2 has no ``inforeceived``: it says ``notfound`` and ``notfound001``. The signature is part of the body: ``signed``
inserts it. Unset texts are null.
"""

from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.milestones import Milestones, milestones, transit_days
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.payloads.ascii_json import encode
from waypost.payloads.countries import country_name
from waypost.payloads.values import event_line, fact_text, stay_days, utc_time, wall_minute

_NOT_SCANNED: Final = ("notfound", "notfound001")


class Meta(msgspec.Struct, frozen=True, gc=False):
    """The status of the push, which precedes the data."""

    code: int
    type: str
    message: str


class TrackInfo(msgspec.Struct, frozen=True, gc=False):
    """One checkpoint: ``status_description`` is what happened, ``details`` is where."""

    date: str = msgspec.field(name="Date")
    status_description: str = msgspec.field(name="StatusDescription")
    details: str | None = msgspec.field(name="Details")
    checkpoint_status: str | None
    substatus: str | None


class CourierInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the courier knows; ``trackinfo`` is newest first."""

    item_received: str | None = msgspec.field(name="ItemReceived")
    item_dispatched: str | None = msgspec.field(name="ItemDispatched")
    depart_from_airport: str | None = msgspec.field(name="DepartfromAirport")
    arrival_from_abroad: str | None = msgspec.field(name="ArrivalfromAbroad")
    customs_clearance: str | None = msgspec.field(name="CustomsClearance")
    destination_arrived: str | None = msgspec.field(name="DestinationArrived")
    weblink: str | None
    phone: str | None
    carrier_code: str
    trackinfo: tuple[TrackInfo, ...]


class DestinationInfo(msgspec.Struct, frozen=True, gc=False):
    """What a second courier would know; none is ever asked."""

    trackinfo: tuple[TrackInfo, ...] = ()


class TrackingObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tracking as V2 sends it."""

    id: str
    tracking_number: str
    carrier_code: str
    status: str
    created_at: str
    updated_at: str
    order_create_time: str | None
    title: str | None
    order_id: str | None
    comment: str | None
    customer_name: str | None
    customer_email: str | None
    original_country: str | None
    destination_country: str | None
    item_time_length: int = msgspec.field(name="itemTimeLength")
    stay_time_length: int = msgspec.field(name="stayTimeLength")
    singed_by: str | None
    substatus: str
    origin_info: CourierInfo
    destination_info: DestinationInfo
    last_event: str | None = msgspec.field(name="lastEvent")
    last_update_time: str | None = msgspec.field(name="lastUpdateTime")


class Body(msgspec.Struct, frozen=True, gc=False):
    """The body of a V2 webhook without its signature."""

    meta: Meta
    data: TrackingObject


_SUCCESS: Final = Meta(200, "Success", "Success")
_NO_COURIER: Final = DestinationInfo()


def render(state: TrackingState) -> bytes:
    """Return the V2 push body of a state without its signature: one line of ASCII JSON without a final newline."""
    return encode(Body(_SUCCESS, _tracking_object(state)))


def signed(body: bytes, timestamp: int, signature: str) -> bytes:
    """Return a rendered V2 body with the signature (lowercase hex) of a timestamp (Unix seconds) as its last member."""
    return b'%b,"verifyInfo":{"timeStr":%d,"signature":"%b"}}' % (body[:-1], timestamp, signature.encode())


def _tracking_object(state: TrackingState) -> TrackingObject:
    scans, facts = state.checkpoints, state.facts
    reached = milestones(scans)
    newest = scans[-1] if scans else None
    status, substatus = _of_v2(state.status, state.substatus)
    return TrackingObject(
        id=state.id,
        tracking_number=state.tracking_number,
        carrier_code=state.courier_code,
        status=str(status),
        created_at=utc_time(state.created_at),
        updated_at=utc_time(state.updated_at),
        order_create_time=fact_text(facts, "order_date"),
        title=fact_text(facts, "title"),
        order_id=fact_text(facts, "order_number") or fact_text(facts, "order_id"),
        comment=fact_text(facts, "note"),
        customer_name=fact_text(facts, "customer_name"),
        customer_email=fact_text(facts, "customer_email"),
        original_country=country_name(fact_text(facts, "origin_country")),
        destination_country=country_name(fact_text(facts, "destination_country")),
        item_time_length=transit_days(reached, scans),
        stay_time_length=stay_days(state),
        singed_by=fact_text(facts, "signed_by"),
        substatus=substatus or "",
        origin_info=_origin(state, reached),
        destination_info=_NO_COURIER,
        last_event=None if newest is None else event_line(newest),
        last_update_time=None if newest is None else wall_minute(newest.checkpoint_date),
    )


def _origin(state: TrackingState, reached: Milestones) -> CourierInfo:
    return CourierInfo(
        item_received=_minute(reached.pickup_date),
        item_dispatched=_minute(reached.dispatched_date),
        depart_from_airport=_minute(reached.departed_airport_date),
        arrival_from_abroad=_minute(reached.arrived_abroad_date),
        customs_clearance=_minute(reached.customs_received_date),
        destination_arrived=None,
        weblink=fact_text(state.facts, "weblink"),
        phone=fact_text(state.facts, "courier_phone"),
        carrier_code=state.courier_code,
        trackinfo=tuple([_track_info(scan) for scan in reversed(state.checkpoints)]),
    )


def _minute(wall_time: str | None) -> str | None:
    return None if wall_time is None else wall_minute(wall_time)


def _track_info(scan: Checkpoint) -> TrackInfo:
    status, substatus = _of_v2(scan.checkpoint_delivery_status, scan.checkpoint_delivery_substatus)
    return TrackInfo(
        wall_minute(scan.checkpoint_date), scan.tracking_detail, scan.location or None, status, substatus or None
    )


def _of_v2(status: Status | None, substatus: str | None) -> tuple[str | None, str | None]:
    """Return a status and its substatus as V2 writes them."""
    if status is Status.INFORECEIVED:
        return _NOT_SCANNED
    return (None if status is None else status.value), substatus
