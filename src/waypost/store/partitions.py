"""Day partitions of events, settled deliveries, attempts, hours of endpoints and deleted trackings.

They are created ahead of time and dropped when old.

``CREATE TABLE … PARTITION OF`` would lock the parent against everybody, so a separate table is created first and then
attached.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import structlog
from asyncpg.exceptions import LockNotAvailableError

from waypost.store.statements import Session, fetch

_LOG: Final = structlog.get_logger()
PARTITIONED: Final = ("event", "settled", "attempt", "delivery_hours", "deleted_tracking", "inbound_call")
DAYS_AHEAD: Final = 7
LOCK_SECONDS: Final = 2.0
"""How long the dropping of a partition waits for its lock, and others behind it."""
# Rows are only appended and go with their partition, so there is nothing to vacuum, and statistics of a few days need
# not be renewed whenever they have grown by a tenth: under load both cost a tenth of PostgreSQL's time.
_APPENDED: Final = (
    "autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 10000,"
    " autovacuum_analyze_scale_factor = 0.5"
)


async def today(session: Session) -> date:
    """Return the database's day in UTC."""
    day: date = await session.fetchval("select (now() at time zone 'utc')::date")
    return day


async def create_ahead(session: Session, tables: Sequence[str] = PARTITIONED) -> int:
    """Create the missing partitions from yesterday to seven days ahead, and return how many were created."""
    first = await today(session) - timedelta(days=1)
    made = 0
    for table in tables:
        have = await _days(session, table)
        for distance in range(DAYS_AHEAD + 2):
            day = first + timedelta(days=distance)
            if day not in have:
                await _create(session, table, day)
                made += 1
    return made


async def days_left(session: Session) -> int:
    """Return for how many days after today every table has its partition."""
    now = await today(session)
    left = DAYS_AHEAD
    for table in PARTITIONED:
        have = await _days(session, table)
        missing = (distance for distance in range(DAYS_AHEAD + 1) if now + timedelta(days=distance) not in have)
        left = min(left, next(missing, DAYS_AHEAD + 1) - 1)
    return left


async def sizes(session: Session) -> dict[date, int]:
    """Return how many bytes each day's partitions take on disk, with their indexes."""
    found: Counter[date] = Counter()
    for table in PARTITIONED:
        for row in await fetch(session, "partition_sizes", table):
            found[date.fromisoformat(row["name"].removeprefix(f"{table}_"))] += row["size"]
    return dict(found)


async def drop_before(session: Session, oldest: date) -> list[str]:
    """Detach and drop the partitions of the days before ``oldest``, and return the names of those that were dropped.

    One whose table is read for longer than ``LOCK_SECONDS`` is left for the next time.
    """
    dropped = []
    for table in PARTITIONED:
        for day in sorted(await _days(session, table)):
            name = _name(table, day)
            if day < oldest and await _drop(session, table, name):
                dropped.append(name)
    return dropped


async def _drop(session: Session, table: str, name: str) -> bool:
    # Detaching waits for everybody who reads the table, and everybody who arrives meanwhile queues behind it.
    try:
        async with session.transaction():
            await session.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
            await session.execute(f"alter table {table} detach partition {name}")
            await session.execute(f"drop table {name}")
    except LockNotAvailableError:
        _LOG.warning("partition_kept", partition=name)
        return False
    return True


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


async def _days(session: Session, table: str) -> set[date]:
    rows = await session.fetch(
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = $1::text::regclass",
        table,
    )
    return {date.fromisoformat(row["relname"].removeprefix(f"{table}_")) for row in rows}


async def _create(session: Session, table: str, day: date) -> None:
    name = _name(table, day)
    async with session.transaction():
        await session.execute(f"create table if not exists {name} (like {table} including all) with ({_APPENDED})")
        await session.execute(
            f"alter table {table} attach partition {name}"
            f" for values from ('{day.isoformat()}') to ('{(day + timedelta(days=1)).isoformat()}')"
        )
