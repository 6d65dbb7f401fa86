"""Rows of recoveries, written: by people who start and stop them, and by the keeper that works on them."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.recoveries import RecoveryState
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one
from waypost.turns import Turn

A_TIME: Final = 500
"""The maximum number of events judged in one statement."""


class LockedRecovery(msgspec.Struct, frozen=True):
    """The row of a recovery, read under its lock, with its endpoint as it is now."""

    id: UUID
    account: UUID
    endpoint: UUID
    only_what: str
    until: datetime
    dry_run: bool
    counted_to: UUID | None
    queued_to: UUID
    enabled: bool
    statuses: list[str] | None
    trigger: str
    ordering: str


class JudgedEvent(msgspec.Struct, frozen=True):
    """The row of an event in a recovery's period, and its result; see ``domain.recoveries.is_matched``."""

    bucket: int
    id: UUID
    tracking: UUID
    sequence: int
    status: str
    status_changed: bool
    was_off: bool
    parcel_gone: bool
    waiting: bool
    ends: list[str]


async def insert_recovery(
    session: Session,
    *,
    recovery: UUID,
    account: UUID,
    endpoint: UUID,
    only: str,
    since: datetime,
    until: datetime,
    dry_run: bool,
) -> bool:
    """Insert the row of a recovery. Return False if another one of the endpoint, or another dry run, is running."""
    before = UUID(int=max(ids.first_at(since).int - 1, 0))
    columns = (recovery, account, endpoint, only, since, until, dry_run, before)
    return await fetch_one(session, "insert_recovery", *columns) is not None


async def lock_recovery(session: Session, recovery: UUID) -> LockedRecovery | None:
    """Lock the row of a running recovery; None if it is not running, or somebody else works on it."""
    row = await fetch_one(session, "lock_recovery", recovery)
    return None if row is None else LockedRecovery(**{name: row[name] for name in LockedRecovery.__struct_fields__})


async def events_after(session: Session, taken: LockedRecovery, after: UUID) -> tuple[list[JudgedEvent], bool]:
    """Return the rows of a recovery's next events after an id, and whether those are the last.

    Events younger than the oldest transaction that may still write wait for the next call.
    """
    row = await fetch_one(session, "horizon")
    assert row is not None  # noqa: S101 - an aggregate gives a row
    before = ids.first_at(min(taken.until, row["at"]))
    owner = (taken.account, taken.endpoint, taken.endpoint.hex)
    bounds = (after, before, day_of(after), day_of(before), A_TIME)
    rows = await fetch(session, "events_to_judge", ALL_BUCKETS, *owner, *bounds)
    turn, events = Turn(taken.account), []
    for one in rows:
        await turn.pause()
        events.append(JudgedEvent(**one))
    return events, len(rows) < A_TIME and taken.until <= row["at"]


async def note_counted(session: Session, recovery: UUID, matched: int, to: UUID | None) -> None:
    """Write to a recovery's row how many more events match, and where counting continues; None if all were counted."""
    await execute(session, "note_counted", recovery, matched, to)


async def note_queued(session: Session, recovery: UUID, queued: int, to: UUID) -> None:
    """Write to a recovery's row how many more deliveries were queued, and where queueing continues."""
    await execute(session, "note_queued", recovery, queued, to)


async def mark_finished(session: Session, recovery: UUID, state: RecoveryState) -> None:
    """Set the final state in the row of a recovery."""
    await execute(session, "mark_finished", recovery, state.value)


async def mark_stopped(session: Session, account: UUID, recovery: UUID) -> bool:
    """Set the state of one of the account's running recoveries to stopped. Return False if there is none."""
    return await fetch_one(session, "mark_stopped", account, recovery) is not None
