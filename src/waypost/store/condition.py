"""The condition of a database, for ``waypost doctor``: read, never changed."""

from datetime import datetime

import msgspec

from waypost.domain.ids import made_at
from waypost.domain.times import from_ms
from waypost.store import migrating
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch_one


async def pending_migrations(session: Session) -> int | None:
    """Return how many migrations a database lacks; None if it has no tables of Waypost. Raise MigrationError."""
    row = await fetch_one(session, "has_migrations")
    return len(await migrating.pending(session)) if row is not None and row["present"] else None


class ServerConnections(msgspec.Struct, frozen=True):
    """How many connections the server has, and how many it allows ordinary users."""

    used: int
    allowed: int

    @property
    def free(self) -> int:
        """Return how many more ordinary users can make."""
        return self.allowed - self.used


async def server_connections(session: Session) -> ServerConnections:
    """Return the connections of the server."""
    row = await fetch_one(session, "server_connections")
    assert row is not None  # noqa: S101 - a select without a table gives a row
    return ServerConnections(**row)


async def count_processes(session: Session) -> int:
    """Return how many processes of Waypost, other than commands, have sessions on the server."""
    row = await fetch_one(session, "count_processes")
    counted: int = row["count"] if row else 0
    return counted


async def newest_event(session: Session) -> tuple[datetime, datetime] | None:
    """Return the time of the newest event, by its id, and the database's time now; None without events."""
    row = await fetch_one(session, "newest_event", ALL_BUCKETS)
    return None if row is None else (from_ms(made_at(row["id"])), row["now"])
