"""Recoveries and their progress, read. ``recovery_changes`` writes them."""

from datetime import datetime
from uuid import UUID

import msgspec

from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one


class RecoveryRow(msgspec.Struct, frozen=True):
    """The row of a recovery, with its progress."""

    id: UUID
    account: UUID
    endpoint: UUID
    only_what: str
    since: datetime
    until: datetime
    dry_run: bool
    state: str
    matched: int
    queued: int
    counted_to: UUID | None
    queued_to: UUID
    created_at: datetime
    finished_at: datetime | None
    delivered: int
    failed: int


async def find(session: Session, account: UUID, recovery: UUID) -> RecoveryRow | None:
    """Return the row of one of the account's recoveries; None if there is none."""
    row = await fetch_one(session, "recoveries", ALL_BUCKETS, account, recovery, None, None, 1)
    return None if row is None else RecoveryRow(**row)


async def of_account(
    session: Session, account: UUID, *, endpoint: UUID | None = None, before: UUID | None = None, limit: int
) -> list[RecoveryRow]:
    """Return the rows of the account's recoveries, of one endpoint or of all, newest first."""
    rows = await fetch(session, "recoveries", ALL_BUCKETS, account, None, endpoint, before, limit)
    return [RecoveryRow(**row) for row in rows]


async def running(session: Session) -> list[UUID]:
    """Return the ids in the rows of recoveries that are not finished, oldest first."""
    return [row["id"] for row in await fetch(session, "running_recoveries")]


async def unsettled(session: Session, recovery: UUID) -> int:
    """Return how many deliveries of a recovery are waiting."""
    row = await fetch_one(session, "unsettled_of_recovery", ALL_BUCKETS, recovery)
    return 0 if row is None else int(row["waiting"])
