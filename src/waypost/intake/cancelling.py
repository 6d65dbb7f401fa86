"""Archives the parcels of shipments that their shop has cancelled."""

from uuid import UUID

from waypost.domain import trackings
from waypost.domain.trackings import Edit
from waypost.store import intake_rows, shipments, tracking_changes
from waypost.store.database import Database
from waypost.store.statements import transaction


async def archive_shipment(database: Database, account: UUID, connection: UUID, shipment: str) -> int:
    """Archive the parcels that a shipment has, and return how many were not archived before."""
    async with database.engine.acquire() as session:
        found = await shipments.parcels_of(session, connection, shipment)
    return sum([await _archive(database, account, tracking) for tracking in found])


async def _archive(database: Database, account: UUID, tracking: UUID) -> bool:
    """Archive one parcel in a transaction of its own, so that no two row locks are held in an order of the shop's."""
    async with database.engine.acquire() as session, transaction(session):
        locked = await tracking_changes.lock_tracking(session, account, tracking)
        if locked is None or locked.state.archived:
            return False
        state = trackings.edit(locked.state, Edit(archived=True), await intake_rows.now(session))
        await tracking_changes.update_tracking(session, locked, state)
        await intake_rows.watch_again(session, [(tracking, state.courier_code, False)])
        return True
