"""Rows of shops' shipments, written by what reads pushes."""

from collections.abc import Sequence
from uuid import UUID

from waypost.domain.inbound import ShopShipment
from waypost.store.statements import Session, execute, fetch


async def upsert_shipment(
    session: Session, connection: UUID, shipment: ShopShipment, trackings: Sequence[UUID]
) -> None:
    """Write which parcels a shipment has now; its others were replaced by the last of these.

    What is older than the shop's last word about the shipment changes nothing.
    """
    current = sorted(trackings)
    if await fetch(session, "newer_shipment", connection, shipment.id, shipment.changed_at):
        return
    await execute(session, "upsert_shipments", connection, shipment.id, current, shipment.changed_at)
    await execute(session, "replace_parcels", connection, shipment.id, current, trackings[-1])
