"""Responses of v4 as its strictest typed clients read them: exactly the declared keys, with the declared types.

The Java client fails on a further key in ``meta`` or beside ``data``, the Go client on a value that is not text and
on a list where it expects an object. Keys and types are those of the specification of TrackingMore's API v4.
"""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
Text = str | None


class Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Meta(Strict):
    code: int
    message: str


class Answer(Strict, Generic[T]):
    meta: Meta
    data: T


def texts(name: str, keys: str, **others: Any) -> Any:
    """Make a model of texts that may be null, and of the others as they are given."""
    fields = [(key, Text) for key in keys.split()] + list(others.items())
    return msgspec.defstruct(name, fields, bases=(Strict,))


MilestoneDate = texts(
    "MilestoneDate", "inforeceived_date pickup_date outfordelivery_date delivery_date returning_date returned_date"
)
TrackInfo = texts(
    "TrackInfo",
    "checkpoint_delivery_status checkpoint_delivery_substatus location country_iso2 state city zip raw_status",
    checkpoint_date=str,
    tracking_detail=str,
)
CourierInfo = texts(
    "CourierInfo",
    "courier_code courier_phone weblink reference_number pickup_date departed_airport_date arrived_abroad_date"
    " customs_received_date",
    milestone_date=MilestoneDate,
    trackinfo=list[TrackInfo],  # type: ignore[valid-type]
)
Tracking = texts(
    "Tracking",
    "order_number order_date destination_country destination_state destination_city origin_country origin_state"
    " origin_city tracking_postal_code tracking_ship_date tracking_destination_country tracking_origin_country"
    " tracking_key tracking_courier_account customer_name customer_email customer_sms recipient_postcode order_id title"
    " logistics_channel note label signed_by service_code weight weight_kg product_type pieces dimension previously"
    " destination_track_number exchange_number scheduled_delivery_date scheduled_address status_info latest_event"
    " latest_checkpoint_time",
    id=str,
    tracking_number=str,
    courier_code=str,
    created_at=str,
    update_at=str,
    delivery_status=str,
    substatus=str,
    archived=str,
    updating=bool,
    source=str,
    transit_time=int,
    origin_info=CourierInfo,
    destination_info=CourierInfo,
)
Updated = texts(
    "Updated",
    "courier_code_new order_number order_date order_id destination_country origin_country tracking_postal_code"
    " tracking_ship_date tracking_courier_account tracking_destination_country tracking_origin_country tracking_key"
    " customer_name customer_email customer_sms recipient_postcode title logistics_channel note label",
    id=str,
    tracking_number=str,
    courier_code=str,
    archived_status=str,
)
BatchItem = texts("BatchItem", "", id=str, tracking_number=str, courier_code=str)
BatchError = texts("BatchError", "id tracking_number courier_code", errorCode=int, errorMessage=str)
Batch = texts("Batch", "", success=list[BatchItem], error=list[BatchError])  # type: ignore[valid-type]
Courier = texts(
    "Courier",
    "courier_country_iso2 courier_url courier_phone default_language courier_logo",
    courier_name=str,
    courier_code=str,
    courier_type=str,
    tracking_required_fields=list[str] | None,
    optional_fields=list[str] | None,
    support_language=list[str],
)


def read(model: Any, answer: bytes | dict[str, Any]) -> Any:
    """Return a response's data, parsed strictly; fail where a strict client would."""
    kind = Answer[model]
    read_as = msgspec.json.decode(answer, type=kind) if isinstance(answer, bytes) else msgspec.convert(answer, kind)
    return read_as.data
