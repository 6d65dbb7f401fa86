"""Shops' shipments, read: their parcels, and by which parcel another one was replaced. See ``shipment_changes``."""

from uuid import UUID

import msgspec

from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one


class Replacement(msgspec.Struct, frozen=True):
    """The parcel that replaced another one."""

    id: UUID
    tracking_number: str


async def parcels_of(session: Session, connection: UUID, shipment: str) -> list[UUID]:
    """Return the parcels that a shipment has now."""
    return [row["tracking"] for row in await fetch(session, "parcels_of_shipment", connection, shipment)]


async def replacement_of(session: Session, account: UUID, tracking: UUID) -> Replacement | None:
    """Return the account's parcel that replaced one of its parcels; None if none did."""
    row = await fetch_one(session, "replacement_of", ALL_BUCKETS, account, tracking)
    return None if row is None else Replacement(*row)
