"""Bulk actions and the deliveries they resend or cancel, read. ``bulk_action_changes`` writes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from waypost.domain.history import HistoryFilter
from waypost.domain.ids import LAST, bucket
from waypost.store.deliveries import DeliveryRow
from waypost.store.history import Examined, candidates, examined_of
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch


class BulkRow(msgspec.Struct, frozen=True):
    """The row of a bulk action, with its progress. ``query`` is its filter as a page's address has it."""

    id: UUID
    account: UUID
    kind: str
    wanted: HistoryFilter
    query: str
    state: str
    matched: int
    changed: int
    left_out: int
    walked_to: UUID
    created_at: datetime
    finished_at: datetime | None


def bulk_row(row: Any) -> BulkRow:
    """Return a database row as a bulk action."""
    values = dict(row)
    return BulkRow(**{**values, "wanted": msgspec.json.decode(values["wanted"], type=HistoryFilter)})


async def find(session: Session, account: UUID, action: UUID) -> BulkRow | None:
    """Return the row of one of the account's bulk actions; None if there is none."""
    rows = await fetch(session, "bulk_actions", account, action, 1)
    return bulk_row(rows[0]) if rows else None


async def latest(session: Session, account: UUID) -> BulkRow | None:
    """Return the row of the account's newest bulk action; None if there is none."""
    rows = await fetch(session, "bulk_actions", account, None, 1)
    return bulk_row(rows[0]) if rows else None


async def open_actions(session: Session) -> list[UUID]:
    """Return the ids in the rows of bulk actions that are counted or done at present, oldest first."""
    return [row["id"] for row in await fetch(session, "open_bulk_actions")]


async def next_to_resend(session: Session, action: BulkRow, endpoints: Sequence[UUID], *, limit: int) -> Examined:
    """Examine the next settled deliveries of an action, oldest first; ``before`` is the last one, None at the end."""
    wanted = action.wanted
    after, before = max(wanted.after, action.walked_to), min(wanted.before, LAST)
    bounds = (ALL_BUCKETS, list(endpoints), after, before, day_of(after), day_of(before), limit)
    if wanted.trackings is not None:
        rows = await fetch(session, "settled_of_trackings_to_resend", *bounds, list(wanted.trackings))
    elif wanted.missed:
        rows = await fetch(session, "undelivered_to_resend", *bounds)
    else:
        rows = await fetch(session, "settled_to_resend", *bounds)
    found = [DeliveryRow(**row) for row in rows]
    return await examined_of(session, wanted, found, before=found[-1].id if len(found) == limit else None)


async def next_to_cancel(session: Session, action: BulkRow, *, limit: int) -> Examined:
    """Examine the next unsettled deliveries of an action, newest first; tests are left alone."""
    before = min(action.wanted.before, action.walked_to)
    wanted = msgspec.structs.replace(action.wanted, before=before, tests=False)
    if not wanted.waits:
        return Examined([], None)
    found = await candidates(session, action.account, wanted, limit, settled=False)
    return await examined_of(session, wanted, found, before=found[-1].id if len(found) == limit else None)


async def waiting_events(session: Session, rows: Sequence[DeliveryRow]) -> set[tuple[UUID, UUID]]:
    """Return which of the events of these deliveries wait already, each with the endpoint that it waits for."""
    if not rows:
        return set()
    buckets = [bucket(row.id) for row in rows]
    columns = ([row.tracking for row in rows], [row.endpoint for row in rows], [row.event for row in rows])
    found = await fetch(session, "events_waiting", sorted(set(buckets)), buckets, *columns)
    return {(row["endpoint"], row["event"]) for row in found}
