"""The V3 body, with the names that its receivers know (trackingmore.md A5), including the odd ones.

Unset fields are "" if a receiver's published specification types them as text, otherwise null. The signature is part of
the body: ``signed`` inserts it.
"""

from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.milestones import Milestones, milestones, transit_days
from waypost.domain.trackings import TrackingState
from waypost.payloads.ascii_json import encode
from waypost.payloads.values import event_line, fact_text, fact_texts, stay_days, updating, utc_time, wall_minute

_SAME_NAME: Final = frozenset(
    {
        *("order_number", "customer_name", "title", "note", "service_code", "weight", "status_info", "previously"),
        *("destination_track_number", "scheduled_delivery_date"),
    }
)


class TrackInfo(msgspec.Struct, frozen=True, gc=False):
    """One checkpoint in a V3 body."""

    checkpoint_date: str
    tracking_detail: str
    location: str | None
    checkpoint_delivery_status: str | None
    checkpoint_delivery_substatus: str | None


class CourierInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one courier knows; ``trackinfo`` is newest first. Dates are local wall time with a literal ``+00:00``."""

    courier_code: str | None = None
    courier_phone: str = ""
    weblink: str | None = None
    reference_number: str | None = None
    received_date: str | None = None
    dispatched_date: str | None = None
    departed_airport_date: str | None = None
    arrived_abroad_date: str | None = None
    customs_received_date: str | None = None
    arrived_destination_date: str | None = None
    trackinfo: tuple[TrackInfo, ...] = ()


class TrackingObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tracking as V3 sends it."""

    id: str
    tracking_number: str
    courier_code: str
    order_number: str | None = None
    delivery_status: str
    archived: bool
    updating: bool
    created_at: str
    update_date: str
    shipping_date: str | None
    customer_name: str | None = None
    customer_email: str
    customer_phone: str
    title: str | None = None
    logistics_channel: str
    note: str | None = None
    destination: str | None
    original: str | None
    service_code: str | None = None
    weight: str | None = None
    substatus: str
    status_info: str | None = None
    previously: str | None = None
    destination_track_number: str | None = None
    exchange_number: str | None = msgspec.field(name="exchangeNumber")
    consignee: str | None
    scheduled_delivery_date: str | None = None
    scheduled_address: str | None = msgspec.field(name="Scheduled_Address")
    latest_event: str | None
    lastest_checkpoint_time: str | None
    transit_time: int
    stay_time: int
    origin_info: CourierInfo
    destination_info: CourierInfo


class Body(msgspec.Struct, frozen=True, gc=False):
    """The body of a V3 webhook without its signature."""

    code: int
    message: None
    data: TrackingObject


_NO_COURIER: Final = CourierInfo()


def render(state: TrackingState) -> bytes:
    """Return the V3 push body of a state without its signature: one line of ASCII JSON without a final newline."""
    return encode(Body(200, None, _tracking_object(state)))


def signed(body: bytes, timestamp: int, signature: str) -> bytes:
    """Return a rendered V3 body with the signature (lowercase hex) of a timestamp (Unix seconds) as its last member."""
    return b'%b,"verify":{"timestamp":%d,"signature":"%b","usertag":""}}' % (body[:-1], timestamp, signature.encode())


def _tracking_object(state: TrackingState) -> TrackingObject:
    scans, facts = state.checkpoints, state.facts
    reached = milestones(scans)
    newest = scans[-1] if scans else None
    return TrackingObject(
        id=state.id,
        tracking_number=state.tracking_number,
        courier_code=state.courier_code,
        delivery_status=state.status.value,
        archived=state.archived,
        updating=updating(state),
        created_at=utc_time(state.created_at),
        update_date=utc_time(state.updated_at),
        shipping_date=fact_text(facts, "tracking_ship_date"),
        customer_email=fact_text(facts, "customer_email") or "",
        customer_phone=fact_text(facts, "customer_sms") or "",
        logistics_channel=fact_text(facts, "logistics_channel") or "",
        destination=fact_text(facts, "destination_country"),
        original=fact_text(facts, "origin_country"),
        substatus=state.substatus,
        exchange_number=fact_text(facts, "exchange_number"),
        consignee=fact_text(facts, "signed_by"),
        scheduled_address=fact_text(facts, "scheduled_address"),
        latest_event=None if newest is None else event_line(newest),
        lastest_checkpoint_time=None if newest is None else _marked(newest.checkpoint_date),
        transit_time=transit_days(reached, scans),
        stay_time=stay_days(state),
        origin_info=_origin(state, reached),
        destination_info=_NO_COURIER,
        **fact_texts(facts, _SAME_NAME),
    )


def _origin(state: TrackingState, reached: Milestones) -> CourierInfo:
    return CourierInfo(
        courier_code=state.courier_code,
        courier_phone=fact_text(state.facts, "courier_phone") or "",
        weblink=fact_text(state.facts, "weblink"),
        reference_number=fact_text(state.facts, "reference_number"),
        received_date=_marked(reached.pickup_date),
        dispatched_date=_marked(reached.dispatched_date),
        departed_airport_date=_marked(reached.departed_airport_date),
        arrived_abroad_date=_marked(reached.arrived_abroad_date),
        customs_received_date=_marked(reached.customs_received_date),
        trackinfo=tuple([_track_info(scan) for scan in reversed(state.checkpoints)]),
    )


def _marked(wall_time: str | None) -> str | None:
    """Return a wall time with the literal offset that V3 appends, whatever the real one is."""
    return None if wall_time is None else f"{wall_time}+00:00"


def _track_info(scan: Checkpoint) -> TrackInfo:
    return TrackInfo(
        wall_minute(scan.checkpoint_date),
        scan.tracking_detail,
        scan.location or None,
        scan.checkpoint_delivery_status,
        scan.checkpoint_delivery_substatus or None,
    )
