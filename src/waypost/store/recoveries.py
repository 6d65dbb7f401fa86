"""Recoveries and the events that they consider."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.recoveries import RecoveryState
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

A_TIME: Final = 500
"""The maximum number of events judged in one statement."""


class RecoveryRow(msgspec.Struct, frozen=True):
    """A recovery and its progress."""

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


class TakenRecovery(msgspec.Struct, frozen=True):
    """A recovery under its row lock, with its endpoint as it is now."""

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
    """An event and what became of it at an endpoint; see ``domain.recoveries.is_matched``."""

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


async def add(
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
    """Add a recovery. Return False if another one of the endpoint, or another dry run, is in progress."""
    before = UUID(int=max(ids.first_at(since).int - 1, 0))
    columns = (recovery, account, endpoint, only, since, until, dry_run, before)
    return await fetch_one(session, "add_recovery", *columns) is not None


async def find(session: Session, account: UUID, recovery: UUID) -> RecoveryRow | None:
    """Return one of the account's recoveries; None if it does not exist in the account."""
    row = await fetch_one(session, "recoveries", ALL_BUCKETS, account, recovery, None, None, 1)
    return None if row is None else RecoveryRow(**row)


async def of_account(
    session: Session, account: UUID, *, endpoint: UUID | None = None, before: UUID | None = None, limit: int
) -> list[RecoveryRow]:
    """Return the account's recoveries, of one endpoint or of all, newest first."""
    rows = await fetch(session, "recoveries", ALL_BUCKETS, account, None, endpoint, before, limit)
    return [RecoveryRow(**row) for row in rows]


async def running(session: Session) -> list[UUID]:
    """Return the recoveries that are not finished, oldest first."""
    return [row["id"] for row in await fetch(session, "running_recoveries")]


async def take(session: Session, recovery: UUID) -> TakenRecovery | None:
    """Lock a running recovery; None if it is not running, or somebody else works on it."""
    row = await fetch_one(session, "take_recovery", recovery)
    return None if row is None else TakenRecovery(**{name: row[name] for name in TakenRecovery.__struct_fields__})


async def unsettled(session: Session, recovery: UUID) -> int:
    """Return how many deliveries of a recovery are waiting."""
    row = await fetch_one(session, "unsettled_of_recovery", ALL_BUCKETS, recovery)
    return 0 if row is None else int(row["waiting"])


async def events_after(session: Session, taken: TakenRecovery, after: UUID) -> tuple[list[JudgedEvent], bool]:
    """Return the next events of its period after an id, and whether those are the last.

    Events younger than the oldest transaction that may still write wait for the next call.
    """
    row = await fetch_one(session, "horizon")
    assert row is not None  # noqa: S101 - an aggregate gives a row
    before = ids.first_at(min(taken.until, row["at"]))
    owner = (taken.account, taken.endpoint, taken.endpoint.hex)
    bounds = (after, before, day_of(after), day_of(before), A_TIME)
    rows = await fetch(session, "events_to_judge", ALL_BUCKETS, *owner, *bounds)
    return [JudgedEvent(**one) for one in rows], len(rows) < A_TIME and taken.until <= row["at"]


async def note_counted(session: Session, recovery: UUID, matched: int, to: UUID | None) -> None:
    """Write how many more events match, and where counting continues; None if all were counted."""
    await execute(session, "note_counted", recovery, matched, to)


async def note_queued(session: Session, recovery: UUID, queued: int, to: UUID) -> None:
    """Write how many more deliveries were queued, and where queueing continues."""
    await execute(session, "note_queued", recovery, queued, to)


async def finish(session: Session, recovery: UUID, state: RecoveryState) -> None:
    """End a recovery."""
    await execute(session, "finish_recovery", recovery, state.value)


async def stop(session: Session, account: UUID, recovery: UUID) -> bool:
    """End one of the account's running recoveries. Return False if there is none."""
    return await fetch_one(session, "stop_recovery", account, recovery) is not None
