"""Rows of shops' shipments, written by what reads pushes."""

from collections.abc import Sequence
from uuid import UUID

from waypost.store.statements import Session, execute


async def upsert_shipment(session: Session, connection: UUID, shipment: str, trackings: Sequence[UUID]) -> None:
    """Write which parcels a shipment has now; its others were replaced by the last of these."""
    current = sorted(trackings)
    await execute(session, "upsert_shipments", connection, shipment, current)
    await execute(session, "replace_parcels", connection, shipment, current, trackings[-1])
