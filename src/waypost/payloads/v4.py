"""The V4 body: the tracking object as ``GET /v4/trackings/get`` returns it, in the envelope of a push.

Keys and their order are those of the captured V4 objects (trackingmore.md A4, C4). Unset texts are null.
"""

from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import FACTS
from waypost.domain.milestones import Milestones, milestones, transit_days
from waypost.domain.trackings import TrackingState
from waypost.payloads.ascii_json import encode
from waypost.payloads.values import fact_texts, updating, utc_time

SUCCESS: Final = "Request response is successful"


class MilestoneDates(msgspec.Struct, frozen=True, gc=False):
    """When each step first happened, in local time."""

    inforeceived_date: str | None = None
    pickup_date: str | None = None
    outfordelivery_date: str | None = None
    delivery_date: str | None = None
    returning_date: str | None = None
    returned_date: str | None = None


class TrackInfo(msgspec.Struct, frozen=True, gc=False):
    """One checkpoint in a V4 body."""

    checkpoint_date: str
    checkpoint_delivery_status: str | None
    checkpoint_delivery_substatus: str | None
    tracking_detail: str
    location: str | None
    country_iso2: str | None
    state: str | None
    city: str | None
    zip: str | None
    raw_status: str | None


class CourierInfo(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one courier knows; ``trackinfo`` is newest first."""

    courier_code: str | None = None
    courier_phone: str | None = None
    weblink: str | None = None
    reference_number: str | None = None
    milestone_date: MilestoneDates = MilestoneDates()
    pickup_date: str | None = None
    departed_airport_date: str | None = None
    arrived_abroad_date: str | None = None
    customs_received_date: str | None = None
    trackinfo: tuple[TrackInfo, ...] = ()


class TrackingObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One tracking as API v4 shows it. Fields with a default are facts of the same name."""

    id: str
    tracking_number: str
    courier_code: str
    order_number: str | None = None
    order_date: str | None = None
    created_at: str
    update_at: str
    delivery_status: str
    archived: str
    updating: bool
    source: str
    destination_country: str | None = None
    destination_state: str | None = None
    destination_city: str | None = None
    origin_country: str | None = None
    origin_state: str | None = None
    origin_city: str | None = None
    tracking_postal_code: str | None = None
    tracking_ship_date: str | None = None
    tracking_destination_country: str | None = None
    tracking_origin_country: str | None = None
    tracking_key: str | None = None
    tracking_courier_account: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    customer_sms: str | None = None
    recipient_postcode: str | None = None
    order_id: str | None = None
    title: str | None = None
    logistics_channel: str | None = None
    note: str | None = None
    label: str | None = None
    signed_by: str | None = None
    service_code: str | None = None
    weight: str | None = None
    weight_kg: str | None = None
    product_type: str | None = None
    pieces: str | None = None
    dimension: str | None = None
    previously: str | None = None
    destination_track_number: str | None = None
    exchange_number: str | None = None
    scheduled_delivery_date: str | None = None
    scheduled_address: str | None = None
    substatus: str
    status_info: str | None = None
    latest_event: str | None
    latest_checkpoint_time: str | None
    transit_time: int
    origin_info: CourierInfo
    destination_info: CourierInfo


class Body(msgspec.Struct, frozen=True, gc=False):
    """The body of a V4 webhook."""

    code: int
    message: str
    data: TrackingObject


_FACTS: Final = FACTS & frozenset(TrackingObject.__struct_fields__)
_COURIER_FACTS: Final = FACTS & frozenset(CourierInfo.__struct_fields__)
_NO_COURIER: Final = CourierInfo()


def render(state: TrackingState) -> bytes:
    """Return the V4 push body of a state: one line of ASCII JSON without a final newline."""
    return encode(Body(200, SUCCESS, tracking_object(state)))


def tracking_object(state: TrackingState) -> TrackingObject:
    """Return a state as API v4 shows it. Record times are UTC, checkpoint times local wall time without an offset."""
    scans = state.checkpoints
    reached = milestones(scans)
    newest = scans[-1] if scans else None
    return TrackingObject(
        id=state.id,
        tracking_number=state.tracking_number,
        courier_code=state.courier_code,
        created_at=utc_time(state.created_at),
        update_at=utc_time(state.updated_at),
        delivery_status=state.status.value,
        archived="archived" if state.archived else "tracking",
        updating=updating(state),
        source=state.source,
        substatus=state.substatus,
        latest_event=None if newest is None else _event_line(newest),
        latest_checkpoint_time=None if newest is None else newest.checkpoint_date,
        transit_time=transit_days(reached, scans),
        origin_info=_origin(state, reached),
        destination_info=_NO_COURIER,
        **fact_texts(state.facts, _FACTS),
    )


def _origin(state: TrackingState, reached: Milestones) -> CourierInfo:
    return CourierInfo(
        courier_code=state.courier_code,
        milestone_date=MilestoneDates(
            reached.inforeceived_date,
            reached.pickup_date,
            reached.outfordelivery_date,
            reached.delivery_date,
            reached.returning_date,
            reached.returned_date,
        ),
        pickup_date=reached.pickup_date,
        departed_airport_date=reached.departed_airport_date,
        arrived_abroad_date=reached.arrived_abroad_date,
        customs_received_date=reached.customs_received_date,
        trackinfo=tuple([_track_info(scan) for scan in reversed(state.checkpoints)]),
        **fact_texts(state.facts, _COURIER_FACTS),
    )


def _track_info(scan: Checkpoint) -> TrackInfo:
    return TrackInfo(
        scan.checkpoint_date,
        scan.checkpoint_delivery_status,
        scan.checkpoint_delivery_substatus or None,
        scan.tracking_detail,
        scan.location or None,
        scan.country_iso2 or None,
        scan.state or None,
        scan.city or None,
        scan.zip or None,
        scan.raw_status or None,
    )


def _event_line(scan: Checkpoint) -> str:
    parts = (scan.tracking_detail, scan.location, scan.checkpoint_date.replace("T", " "))
    return ", ".join([part for part in parts if part])
