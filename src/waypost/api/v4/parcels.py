"""Reads parcels from the bodies of v4's create, batch and update."""

from collections.abc import Mapping
from typing import Final

from waypost.actions import parcel_fields
from waypost.actions.parcel_fields import FACT_FIELDS, PARCEL_FIELDS, NewTracking
from waypost.api.v4.fields import archived_of, read_texts
from waypost.domain.trackings import Edit

UPDATE: Final = FACT_FIELDS | {"courier_code_new", "archived_status"}


def read_parcel(fields: Mapping[str, object]) -> NewTracking:
    """Return the parcel that a body registers."""
    return parcel_fields.read_parcel(read_texts(fields, PARCEL_FIELDS))


def read_edit(texts: Mapping[str, str]) -> Edit:
    """Return a body's corrections of a parcel."""
    courier = None
    if "courier_code_new" in texts:
        courier = parcel_fields.read_courier(texts, "courier_code_new")
        parcel_fields.require_courier(courier, "courier_code_new")
    return Edit(parcel_fields.read_facts(texts), courier, archived_of(texts))
