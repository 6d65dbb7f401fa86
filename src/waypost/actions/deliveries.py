"""What is done with single deliveries, for the calls of v1 and for the pages alike.

Each raises NotFound for a delivery that is not the account's, and Conflict for what can't be done with it as it is.
"""

import secrets
from typing import Final
from uuid import UUID

from waypost.actions.context import Context
from waypost.actions.refusals import Conflict, NotFound
from waypost.domain import ids
from waypost.store import deliveries, delivery_changes, endpoints, trackings
from waypost.store.deliveries import DeliveryRow
from waypost.store.delivery_changes import Cancelled
from waypost.store.statements import Session, transaction

PARCEL_DELETED: Final = "Its parcel was deleted: nothing of it is sent any more."


def read_id(text: str) -> UUID:
    """Read a delivery's id from an address."""
    found = ids.from_text(ids.DELIVERY, text)
    if found is None:
        raise NotFound
    return found


async def find(context: Context, account: UUID, delivery: UUID) -> DeliveryRow:
    """Give the delivery."""
    async with context.database.serving.acquire() as session:
        return await _there(session, account, delivery)


async def resend(context: Context, account: UUID, delivery: UUID) -> DeliveryRow:
    """Send a delivery's event once more, whatever became of the first; gives the new delivery.

    It waits for nothing and nothing waits for it. It is tried as often as any other. Of a parcel that was deleted
    nothing is sent any more.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        row = await _there(session, account, delivery)
        if row.sample is not None:
            raise Conflict("test_delivery", "This was a test: send another test instead.")
        if row.packed is None:
            raise Conflict("event_gone", "The event is older than the history that is kept.")
        if await trackings.lock(session, account, row.tracking) is None:
            raise Conflict("tracking_deleted", PARCEL_DELETED)
        again = await delivery_changes.resend(session, account, row, random=secrets.randbits(62))
        if again is None:
            if await endpoints.find(session, account, row.endpoint) is None:
                raise Conflict("endpoint_deleted", "Its endpoint was deleted.")
            raise Conflict("endpoint_off", "Its endpoint is off: enable it first.")
        made = await _there(session, account, again)
    context.hint_by_hand()
    return made


async def cancel(context: Context, account: UUID, delivery: UUID) -> tuple[DeliveryRow, bool]:
    """Cancel a delivery; gives it, and False when its attempt is under way: then that decides."""
    async with context.database.engine.acquire() as session:
        while True:
            row = await _there(session, account, delivery)
            if row.state is not None:
                raise Conflict("already_settled", f"It has ended already: it is {row.state}.")
            outcome, freed = await delivery_changes.cancel(session, row)
            if outcome is not Cancelled.NOT_THERE:
                context.hint(freed)
                return await _there(session, account, delivery), outcome is Cancelled.AT_ONCE


async def _there(session: Session, account: UUID, delivery: UUID) -> DeliveryRow:
    row = await deliveries.find(session, account, delivery)
    if row is None:
        raise NotFound
    return row
