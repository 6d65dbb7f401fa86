"""The condition of a database, for ``waypost doctor``: read, never changed."""

from datetime import datetime

from waypost.domain.ids import made_at
from waypost.store import migrating
from waypost.store.intake_rows import from_ms
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch_one


async def pending_migrations(session: Session) -> int | None:
    """Count the migrations that a database lacks; None for one that has no table of ours. Raises MigrationError."""
    row = await fetch_one(session, "has_migrations")
    return len(await migrating.pending(session)) if row is not None and row["present"] else None


async def newest_event(session: Session) -> tuple[datetime, datetime] | None:
    """Give the time of the newest event, by its id, and the time now, by the database's clock; None without events."""
    row = await fetch_one(session, "newest_event", ALL_BUCKETS)
    return None if row is None else (from_ms(made_at(row["id"])), row["now"])
