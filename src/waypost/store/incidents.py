"""Stored incidents, read: what is open, and what has changed."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.incidents import Incident, Kind, State
from waypost.store.statements import Session, fetch

BEGINNING: Final = UUID(int=0)
OPERATOR: Final = UUID(int=0)
"""The owner of the incidents of the installation as a whole."""


async def open_ones(session: Session, kinds: Collection[Kind]) -> list[Incident]:
    """Return the open incidents of some kinds, of all accounts."""
    return [_incident(row) for row in await fetch(session, "open_incidents", list(kinds))]


async def changed_after(
    session: Session, account: UUID | None, after: UUID, *, state: State | None = None, limit: int
) -> list[Incident]:
    """Return an account's incidents that have changed since a change, in the order of their last changes."""
    is_open = None if state is None else state is State.OPEN
    return [_incident(row) for row in await fetch(session, "incident_feed", account or OPERATOR, after, is_open, limit)]


async def newest(session: Session, account: UUID | None, *, state: State | None = None, limit: int) -> list[Incident]:
    """Return an account's incidents, or with None the operator's: open ones first, then the newest."""
    is_open = None if state is None else state is State.OPEN
    return [_incident(row) for row in await fetch(session, "newest_incidents", account or OPERATOR, is_open, limit)]


def _incident(row: Record) -> Incident:
    return Incident(
        id=row["id"],
        account=row["account"],
        kind=Kind(row["kind"]),
        subject=row["subject"],
        stage=row["stage"],
        message=row["message"],
        details=msgspec.json.decode(row["details"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        change=row["change"],
    )
