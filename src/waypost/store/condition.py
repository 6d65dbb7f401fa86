"""The condition of a database, for ``waypost doctor``: read, never changed."""

from datetime import datetime

import msgspec

from waypost.domain.ids import made_at
from waypost.store import migrating
from waypost.store.intake_rows import from_ms
from waypost.store.queue import ALL_BUCKETS, LIVES
from waypost.store.statements import Session, fetch, fetch_one


class Dispatchers(msgspec.Struct, frozen=True):
    """How many dispatchers there are: those that live, and those that died and were not buried."""

    alive: int
    dead: int


async def pending_migrations(session: Session) -> int | None:
    """Count the migrations that a database lacks; None for one that has no table of ours. Raises MigrationError."""
    row = await fetch_one(session, "has_migrations")
    return len(await migrating.pending(session)) if row is not None and row["present"] else None


async def newest_event(session: Session) -> tuple[datetime, datetime] | None:
    """Give the time of the newest event, by its id, and the time now, by the database's clock; None without events."""
    row = await fetch_one(session, "newest_event", ALL_BUCKETS)
    return None if row is None else (from_ms(made_at(row["id"])), row["now"])


async def dispatchers(session: Session) -> Dispatchers:
    """Count the dispatchers that have joined."""
    rows = await fetch(session, "living_dispatchers", LIVES)
    alive = sum(row["alive"] for row in rows)
    return Dispatchers(alive, len(rows) - alive)
