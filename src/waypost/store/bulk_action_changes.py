"""Rows of bulk actions, written: by people who count, start and stop them, and by the keeper that works on them."""

from datetime import timedelta
from uuid import UUID

import msgspec

from waypost.domain.bulk_actions import BulkKind, BulkState
from waypost.domain.history import HistoryFilter
from waypost.store.bulk_actions import BulkRow, bulk_row
from waypost.store.statements import Session, execute, fetch, fetch_one


async def insert_count(
    session: Session, action: UUID, account: UUID, kind: BulkKind, wanted: HistoryFilter, *, query: str
) -> bool:
    """Insert the row of an action that is to be counted, in place of an earlier count. Return False if another did."""
    await execute(session, "delete_bulk_counts", account)
    text = msgspec.json.encode(wanted).decode()
    columns = (action, account, kind.value, text, query, _beginning(kind, wanted))
    return await fetch_one(session, "insert_bulk_action", *columns) is not None


async def lock(session: Session, action: UUID, state: BulkState) -> BulkRow | None:
    """Lock the row of a bulk action in this state; None if it is in another, or somebody else works on it."""
    row = await fetch_one(session, "lock_bulk_action", action, state.value)
    return None if row is None else bulk_row(row)


async def note_counted(session: Session, action: UUID, matched: int, to: UUID, state: BulkState) -> None:
    """Write to an action's row how many more deliveries match, and where the count continues."""
    await execute(session, "note_bulk_counted", action, matched, to, state.value)


async def note_changed(session: Session, action: UUID, *, changed: int, left_out: int, to: UUID) -> None:
    """Write to an action's row how many more deliveries were changed or left out, and where the work continues."""
    await execute(session, "note_bulk_changed", action, changed, left_out, to)


async def mark_running(session: Session, row: BulkRow) -> bool:
    """Set the state of a counted action to running, from the beginning. Return False if it may not run."""
    begins = _beginning(BulkKind(row.kind), row.wanted)
    return await fetch_one(session, "start_bulk_action", row.account, row.id, begins) is not None


async def mark_ended(session: Session, account: UUID, action: UUID, state: BulkState) -> bool:
    """Set the final state of a running action. Return False if it is not running."""
    return await fetch_one(session, "end_bulk_action", account, action, state.value) is not None


async def delete_old(session: Session, kept: timedelta) -> int:
    """Delete some of the actions that were made longer ago; return how many."""
    return len(await fetch(session, "delete_old_bulk_actions", kept))


def _beginning(kind: BulkKind, wanted: HistoryFilter) -> UUID:
    """Return where the walk begins: resends go from old to new, so that a parcel's events keep their order."""
    return UUID(int=max(wanted.after.int - 1, 0)) if kind is BulkKind.RESEND else wanted.before
