"""Rows of single trackings, written by people's actions under a row lock. ``intake_rows`` writes updates."""

from datetime import timedelta
from uuid import UUID

from asyncpg import UniqueViolationError

from waypost.domain import ids
from waypost.domain.deliveries import Reason
from waypost.domain.times import from_ms
from waypost.domain.trackings import TrackingState
from waypost.store.intake_rows import found_by
from waypost.store.rows import LockedTracking
from waypost.store.statements import Session, execute, fetch, fetch_one
from waypost.store.states import pack, unpack


class NumberTaken(Exception):
    """The account has another tracking with this number and courier; the transaction is lost."""


async def lock_tracking(session: Session, account: UUID, tracking: UUID) -> LockedTracking | None:
    """Lock the row of one tracking, so that other writers wait. None if it does not exist."""
    row = await fetch_one(session, "lock_tracking", [ids.bucket(tracking)], account, tracking)
    if row is None:
        return None
    return LockedTracking(
        row["bucket"], row["id"], row["account"], row["sequence"], row["last_event"], unpack(row["state"])
    )


async def update_tracking(session: Session, locked: LockedTracking, state: TrackingState) -> None:
    """Update the row of a locked tracking. Raise NumberTaken if its new courier has this number already."""
    order_number, customer_name = found_by(state)
    changed = (state.courier_code, state.archived, order_number, pack(state), from_ms(state.updated_at), customer_name)
    try:
        await execute(session, "update_tracking", [locked.bucket], locked.id, *changed)
    except UniqueViolationError:
        raise NumberTaken from None


async def delete_tracking(session: Session, locked: LockedTracking) -> None:
    """Delete the row of a locked tracking and cancel its waiting deliveries.

    Events and sent deliveries stay until retention.
    """
    rows = await fetch(session, "deliveries_of_tracking", [locked.bucket], locked.id)
    if rows:
        reason = Reason.TRACKING_DELETED.value
        await fetch_one(session, "cancel", [locked.bucket], [row["id"] for row in rows], reason)
    await execute(session, "delete_tracking", [locked.bucket], locked.id)
    await execute(session, "forget_shipments", locked.id)


async def poll_soon(session: Session, locked: LockedTracking, *, least_seconds: float) -> None:
    """Make the poll of a locked tracking due at once, or ``least_seconds`` after the last one."""
    await execute(session, "poll_soon", [locked.bucket], locked.id, timedelta(seconds=least_seconds))
