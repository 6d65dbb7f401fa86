"""Applies the numbered migrations, each once, under an advisory lock, while the previous version keeps serving.

A migration is one transaction, and one statement is sent at a time. Each limits how long it waits for a lock, since
everybody who wants the same table queues behind it; a migration that timed out is retried a few times. The lock's
number depends on the schema, so installations in one database migrate independently.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
import structlog

from waypost.store import squashed
from waypost.store.migration_files import Migration, MigrationError, migrations
from waypost.store.statements import Session, execute, fetch, fetch_one

TRIES: Final = 5
"""How often a migration is tried that does not get its locks."""
_PAUSE_SECONDS: Final = 1.0

_LOG: Final = structlog.get_logger()

Progress = Callable[[str], None]


async def pending(session: Session, known: Sequence[Migration] | None = None) -> list[Migration]:
    """Return the migrations, by default this program's, that the database lacks; change nothing.

    Raise MigrationError if the database is newer than this program, or an applied migration was changed since.
    """
    known, applied = known or migrations(), await _applied(session)
    if squashed.is_squashed({number: name for number, (name, _) in applied.items()}):
        return list(known)
    newer = sorted(set(applied) - {migration.number for migration in known})
    if newer:
        message = f"The database has migration {newer[0]:04d}, which this program does not know: upgrade the program."
        raise MigrationError(message)
    for migration in known:
        if migration.number in applied and applied[migration.number][1] != migration.checksum:
            message = f"Migration {migration.number:04d} was applied with another text: restore the original file."
            raise MigrationError(message)
    return [migration for migration in known if migration.number not in applied]


async def migrate(session: Session, progress: Progress, known: Sequence[Migration] | None = None) -> int:
    """Bring the database up to date and return how many migrations were applied. Concurrent calls wait for each other.

    ``known`` are this program's migrations by default. ``progress`` gets the name of each before it is applied, and
    their number and the time at the end; of a new database, where nobody waits for a particular one, only the latter.
    Raise MigrationError; migrations applied before the failure stay applied.
    """
    known = known or migrations()
    if await session.fetchval("select current_schema()") is None:
        raise MigrationError("The search path names no schema that exists: set WAYPOST_SCHEMA, and it is created.")
    await execute(session, "lock_migrations")
    try:
        names = {number: name for number, (name, _) in (await _applied(session)).items()}
        if squashed.is_squashed(names):
            progress("migrations 0001 to 0016 of an earlier version: comparing the schema")
            await squashed.adopt(session, names, known[0])
        todo, began = await pending(session, known), time.monotonic()
        for migration in todo:
            if names:
                progress(f"migration {migration.number:04d} {migration.name}")
            await _apply_patiently(session, migration)
            _LOG.debug("migration_applied", migration=f"{migration.number:04d} {migration.name}")
    finally:
        await execute(session, "unlock_migrations")
    if todo:
        did = "Applied" if names else "Created the tables with"
        plural = "" if len(todo) == 1 else "s"
        progress(f"{did} {len(todo)} migration{plural} in {time.monotonic() - began:.1f} s")
    return len(todo)


async def _applied(session: Session) -> dict[int, tuple[str, bytes]]:
    """Return name and checksum of each migration that the database has, by number."""
    row = await fetch_one(session, "has_migrations")
    if row is None or not row["present"]:
        return {}
    rows = await fetch(session, "applied_migrations")
    return {row["number"]: (row["name"], bytes(row["checksum"])) for row in rows}


async def _apply_patiently(session: Session, migration: Migration) -> None:
    for left in reversed(range(TRIES)):
        try:
            return await (_apply_concurrently if migration.concurrent else _apply)(session, migration)
        except asyncpg.LockNotAvailableError:
            if not left:
                break
        await asyncio.sleep(_PAUSE_SECONDS)
    raise MigrationError(
        f"Migration {migration.number:04d} did not get a lock because a long transaction holds it:"
        " look at pg_stat_activity, then migrate again."
    )


async def _apply(session: Session, migration: Migration) -> None:
    async with session.transaction():
        for statement in migration.statements:
            await session.execute(statement)
        await _record(session, migration)


async def _apply_concurrently(session: Session, migration: Migration) -> None:
    settings = [statement for statement in migration.statements if statement.startswith("set ")]
    try:
        for statement in settings:
            await session.execute(statement)
        # An index left by an interrupted try would pass for the finished one with `if not exists`.
        for index in await fetch(session, "broken_indexes"):
            await session.execute(f'drop index concurrently "{index["relname"]}"')
        for statement in migration.statements[len(settings) :]:
            await session.execute(statement)
    finally:
        await session.execute("reset lock_timeout")
        await session.execute("reset statement_timeout")
    await _record(session, migration)


async def _record(session: Session, migration: Migration) -> None:
    await execute(session, "record_migration", migration.number, migration.name, migration.checksum)
