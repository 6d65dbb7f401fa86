"""Descriptions of v4's request bodies: every field is text, and empty and null count as absent."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from waypost.actions.parcel_fields import PARCEL_FIELDS
from waypost.api.v4.parcels import UPDATE

Text = str | None | UnsetType

_ABOUT: Final = {
    "tracking_number": "The parcel's number. Spaces are removed, and letters become upper case.",
    "courier_code": "The courier's code, as listed by `/v4/couriers/all`, or one of your own.",
    "courier_code_new": "The code of the correct courier.",
    "auto_correct": "`1`: use another courier if the number's format and check digit prove it; with an empty"
    " `courier_code`, use the likeliest one. Also applies later, if its carrier does not know the number and another"
    " one does.",
    "order_date": "When the order was placed: a date, a time such as 2026-03-04T13:20:00+00:00, or Unix seconds.",
    "language": "Stored for carriers that answer in several languages; no supported carrier does yet.",
    "archived_status": "`archived` (or `true`): it is no longer polled. `tracking` (or `false`) unarchives it.",
    "origin_country_iso2": "Two letters, such as US.",
    "destination_country_iso2": "Two letters, such as DE.",
    "awb_number": "Eleven digits, such as 235-69030430. The last one is a check digit.",
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
    "A parcel to register. Empty and null fields count as missing.",
    PARCEL_FIELDS,
    *("tracking_number", "courier_code"),
)
Correction: Final = _texts("Correction", "The corrections to a parcel. Empty and null fields count as missing.", UPDATE)
Number: Final = _texts("Number", "A tracking number.", frozenset(), "tracking_number")
AirWaybill: Final = _texts("AirWaybill", "The number of an air waybill.", frozenset(), "awb_number")
