"""Signs of trouble, read for the keeper."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.store.statements import Session, fetch, fetch_one


class TroubledConnection(msgspec.Struct, frozen=True):
    """A connection that is refused or unreadable, or ``late``; ``account`` None for the operator's."""

    id: UUID
    account: UUID | None
    name: str
    state: str
    state_since: datetime
    message: str | None
    late: bool | None


async def troubled_connections(session: Session, late: timedelta) -> list[TroubledConnection]:
    """Return the connections that fall behind with their parcels, or are at least this late with one."""
    return [TroubledConnection(**row) for row in await fetch(session, "troubled_connections", late)]


async def accounts_with_stuck_parcels(session: Session, before: datetime) -> list[UUID]:
    """Return the accounts with a parcel registered before a time that no source has reported anything about."""
    return [row["id"] for row in await fetch(session, "accounts_with_stuck_parcels", ids.first_at(before))]


async def is_anybody_dispatching(session: Session, within: timedelta) -> bool:
    """Return whether a dispatcher was seen within a time."""
    row = await fetch_one(session, "is_anybody_dispatching", within)
    return bool(row and row["alive"])
