"""What is said of v4's operations."""

from types import GenericAlias
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from waypost.actions.constraints import between, one_of
from waypost.actions.parcel_fields import PARCEL_FIELDS
from waypost.api.openapi.operations import OVERLOADED, Operation, Parameter
from waypost.api.v4 import awb, couriers, trackings
from waypost.api.v4.couriers import CourierObject, courier_object
from waypost.api.v4.objects import BatchAnswer, BatchError, BatchItem, Updated, updated_object
from waypost.api.v4.parcels import UPDATE
from waypost.domain.statuses import Status
from waypost.payloads.samples import sample_state
from waypost.payloads.v4 import SUCCESS, TrackingObject, tracking_object

__all__ = ("OPERATIONS", "SUCCESS")

_TRACKINGS: Final = "API v4: trackings"
_COURIERS: Final = "API v4: couriers"
_AWB: Final = "API v4: air waybills"

Text = str | None | UnsetType


_ABOUT: Final = {
    "tracking_number": "The parcel's number; spaces are left out, letters become capitals.",
    "courier_code": "The code of its courier, as `/v4/couriers/all` gives it, or one of your own.",
    "courier_code_new": "The code of the courier that it really has.",
    "auto_correct": "`1`: another courier is taken when the number's form and check digit prove it, and with an empty"
    " `courier_code` the likeliest one.",
    "order_date": "When the shop took the order: a date, a time such as 2026-03-04T13:20:00+00:00, or Unix seconds.",
    "language": "Kept for carriers that answer in several languages; none of those that are asked so far does.",
    "archived_status": "`archived` (or `true`): it is asked about no more. `tracking` (or `false`) takes it out again.",
    "origin_country_iso2": "Two letters, such as US.",
    "destination_country_iso2": "Two letters, such as DE.",
    "awb_number": "Eleven digits, as in 235-69030430; the last one is a check digit.",
}


def _texts(name: str, doc: str, names: frozenset[str], *required: str) -> type[msgspec.Struct]:
    fields: list[Any] = [(one, _described(one, str)) for one in required]
    fields += [(one, _described(one, Text), UNSET) for one in sorted(names - set(required))]
    made = msgspec.defstruct(name, fields, forbid_unknown_fields=True)
    made.__doc__ = doc
    return made


def _described(name: str, kind: Any) -> Any:
    return Annotated[kind, msgspec.Meta(description=_ABOUT[name])] if name in _ABOUT else kind


NewParcel: Final = _texts(
    "NewParcel",
    "A parcel to register. An empty text and null are as if the field were left out.",
    PARCEL_FIELDS,
    *("tracking_number", "courier_code"),
)
Correction: Final = _texts(
    "Correction", "What is corrected of a parcel; an empty text and null are as if the field were left out.", UPDATE
)
Number: Final = _texts("Number", "A tracking number.", frozenset(), "tracking_number")
AirWaybill: Final = _texts("AirWaybill", "The number of an air waybill.", frozenset(), "awb_number")

_SAMPLE: Final = sample_state(Status.TRANSIT)
_TRACKING: Final = tracking_object(_SAMPLE)
_COURIER: Final = courier_object("usps")
_NEW: Final = {
    "tracking_number": _SAMPLE.tracking_number,
    "courier_code": _SAMPLE.courier_code,
    "order_number": "ORD-77",
    "destination_country_iso2": "US",
}
_CHANGE: Final = {"note": "Leave it at the door", "archived_status": "archived"}
_BATCH: Final = BatchAnswer(
    [BatchItem(_SAMPLE.id, _SAMPLE.tracking_number, _SAMPLE.courier_code)],
    [BatchError(None, "", "usps", 4111, "The value of tracking_number is required.")],
)
_TIME: Final = "a date, a time such as 2026-03-04T13:20:00+00:00, or Unix seconds"
_FILTERS: Final = (
    Parameter("tracking_numbers", "Up to 40 numbers, separated by commas."),
    Parameter("courier_code", "One courier's code."),
    Parameter("delivery_status", "A status, or several separated by commas."),
    Parameter("archived_status", "`archived` (or `true`), or `tracking` (or `false`)."),
    Parameter("created_date_min", f"Registered then or later: {_TIME}."),
    Parameter("created_date_max", f"Registered then or earlier: {_TIME}."),
    Parameter("updated_date_min", f"Changed then or later: {_TIME}. What changed last comes first."),
    Parameter("updated_date_max", f"Changed then or earlier: {_TIME}."),
    Parameter(
        "items_amount",
        f"How many: {trackings.PAGE_SIZE} by default, {trackings.LARGEST_PAGE} at most.",
        Annotated[int, between(1, trackings.LARGEST_PAGE)],
    ),
    Parameter("pages_amount", "The number of the page, from 1 on.", Annotated[int, between(1, trackings.LAST_PAGE)]),
    Parameter(
        "lang",
        "Only `en`: nothing is translated, scans are told in their carrier's own words.",
        Annotated[str, one_of(["en"])],
    ),
)
_NO_SUCH: Final = "4112 for an id that can't be one, 4102 for one that is not there"
_FIELDS: Final = "4130 for a field that can't be taken or that the call does not know"

OPERATIONS: Final = (
    Operation(
        handler=trackings.create,
        group=_TRACKINGS,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        body=NewParcel,
        body_example=_NEW,
        errors={
            400: "4101 for a parcel that is there already, 4110 and 4111 for its number, 4120 to 4122 for its courier,"
            f" {_FIELDS}.",
            503: OVERLOADED,
        },
    ),
    Operation(
        handler=trackings.batch,
        group=_TRACKINGS,
        scope="write",
        answers={200: BatchAnswer},
        example=_BATCH,
        body=GenericAlias(list, (NewParcel,)),
        body_example=[_NEW],
        errors={400: "4103 for more than 40; 400 for what is no list.", 503: OVERLOADED},
    ),
    Operation(
        handler=trackings.find,
        group=_TRACKINGS,
        scope="read",
        answers={200: list[TrackingObject]},
        example=[_TRACKING],
        parameters=_FILTERS,
        errors={400: f"4103 for more than 40 numbers, 4110 and 4120 for what can be none, {_FIELDS}."},
    ),
    Operation(
        handler=trackings.update,
        group=_TRACKINGS,
        scope="write",
        answers={200: Updated},
        example=updated_object(_SAMPLE, courier_code_new=None),
        body=Correction,
        body_example=_CHANGE,
        errors={400: f"{_NO_SUCH}, 4101 for a courier that has this number already, 4120 and 4122, {_FIELDS}."},
    ),
    Operation(
        handler=trackings.remove,
        group=_TRACKINGS,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        errors={400: f"{_NO_SUCH}."},
    ),
    Operation(
        handler=trackings.retrack,
        group=_TRACKINGS,
        scope="write",
        answers={200: TrackingObject},
        example=_TRACKING,
        errors={400: f"{_NO_SUCH}, 4113 for one that is not expired.", 503: OVERLOADED},
    ),
    Operation(
        handler=couriers.every, group=_COURIERS, scope="read", answers={200: list[CourierObject]}, example=[_COURIER]
    ),
    Operation(
        handler=couriers.detect,
        group=_COURIERS,
        scope="read",
        answers={200: list[CourierObject]},
        example=[_COURIER],
        body=Number,
        body_example={"tracking_number": _SAMPLE.tracking_number},
        errors={400: "4110 and 4111 for the number, 4121 where it fits no courier."},
    ),
    Operation(
        handler=awb.create,
        group=_AWB,
        scope="write",
        answers={},
        body=AirWaybill,
        body_example={"awb_number": "235-69030430"},
        errors={400: "4160 for a number that can't be one, 4161 for an airline that has no source, and none has."},
    ),
)
