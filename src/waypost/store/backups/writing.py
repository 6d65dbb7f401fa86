"""Writes a backup of a database that is in use: rows and schema are those of one moment, the beginning."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Final

from asyncpg import Record

from waypost.store import installation
from waypost.store.backups import manifest
from waypost.store.backups.background import backends_give_way, is_back
from waypost.store.backups.clients import run_client
from waypost.store.backups.manifest import DUMP, KEY, BackupError, CopiedFile, Manifest
from waypost.store.database import Database
from waypost.store.embedded.room import MEGABYTE
from waypost.store.ending import end
from waypost.store.migrating import Progress
from waypost.store.statements import Session, execute, fetch, fetch_one

_REPORT_SECONDS: Final = 5.0
_FLUSH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.05
# Half the processor time of gzip's default, for a tenth more bytes: states of events are compressed already.
_COMPRESSION: Final = "gzip:1"


async def write(
    database: Database, url: str, folder: Path, *, key: str | None, clients: Path, progress: Progress
) -> Manifest:
    """Write a backup into a new or empty folder and return its manifest.

    ``url`` is where ``database`` is, ``clients`` the folder of pg_dump, ``key`` the secret key or None to leave it
    out. Deliveries and updates go on meanwhile; a migration waits. If this process has stepped back, the backends that
    read for it give way as well. Raise BackupError; then nothing is left, and what a kill leaves is recognisable as
    unfinished.
    """
    made = await asyncio.to_thread(manifest.prepare, folder)
    try:
        return await _write(database, url, folder, key=key, clients=clients, progress=progress)
    except BaseException:
        await asyncio.to_thread(manifest.give_up, folder, made=made)
        raise


async def _write(
    database: Database, url: str, folder: Path, *, key: str | None, clients: Path, progress: Progress
) -> Manifest:
    async with _reading(database, url) as session:
        snapshot = _the(await fetch_one(session, "export_snapshot"))["snapshot"]
        facts = _the(await fetch_one(session, "backup_facts"))
        check = await installation.key_check(session)
        if key is not None and check is not None and not await installation.knows_secret_key(session, key):
            raise BackupError(
                "The secret key is not the one that this database was made with: bring the right one back, or leave it"
                " out with --without-key."
            )
        options = [f"--schema={_quoted(facts['schema'])}", f"--snapshot={snapshot}"]
        async with _watched(session, url, manifest.unfinished(folder, DUMP), progress) as name:
            await run_client(clients / "pg_dump", url, [*options, *_dump(folder)], name=name)
        progress("Counting rows")
        rows = await count_rows(session)
    try:
        files = await asyncio.to_thread(_files, folder, key)
    except OSError as error:
        raise BackupError(f"{folder} can't be written to: {error.strerror}.") from None
    made = Manifest(
        made_at=datetime.now(UTC).replace(microsecond=0),
        waypost=version("waypost"),
        postgres=facts["postgres"],
        migration=facts["migration"],
        schema=facts["schema"],
        database_size=facts["database_size"],
        key_check=None if check is None else check.hex(),
        rows=rows,
        files=files,
    )
    await asyncio.to_thread(manifest.finish, folder, made)
    return made


async def count_rows(session: Session) -> dict[str, int]:
    """Return how many rows each table of the session's schema has; partitions count for the table they belong to."""
    names = [row["name"] for row in await fetch(session, "backup_tables")]
    # The names are the catalogue's own, and quoted all the same.
    return {name: await session.fetchval(f"select count(*) from {_quoted(name)}") for name in names}  # noqa: S608 - quoted names from the catalogue


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@asynccontextmanager
async def _reading(database: Database, url: str) -> AsyncIterator[Session]:
    """Yield a session that sees one moment of the database and works alone."""
    async with database.unhurried() as session:
        await execute(session, "one_after_the_other")
        backends_give_way(url, [session.get_server_pid()])
        async with session.transaction(isolation="repeatable_read", readonly=True):
            yield session


def _dump(folder: Path) -> list[str]:
    """Return the options of pg_dump that are always the same."""
    return [
        "--format=custom",
        f"--compress={_COMPRESSION}",
        "--strict-names",
        "--no-owner",
        "--no-privileges",
        f"--file={manifest.unfinished(folder, DUMP)}",
    ]


@asynccontextmanager
async def _watched(session: Session, url: str, place: Path, progress: Progress) -> AsyncIterator[str]:
    """Yield the name for a client's session; its backend gives way to others, and its progress is shown."""
    name, ended = f"waypost-backup-{secrets.token_hex(8)}", asyncio.Event()
    reporting = asyncio.create_task(_report(place, progress))
    finding = asyncio.create_task(_find_backend(session, url, name, ended))
    try:
        yield name
    finally:
        ended.set()  # not cancelled, which would end the session's transaction
        await finding
        await end(reporting)


async def _find_backend(session: Session, url: str, name: str, ended: asyncio.Event) -> None:
    """Let the backend of the session with this name give way to others, as soon as there is one."""
    backends: list[int] = []
    while is_back() and not backends and not ended.is_set():
        await asyncio.sleep(_LOOK_SECONDS)
        await execute(session, "look_at_sessions_again")
        backends = [row["backend"] for row in await fetch(session, "backends_of_session", name)]
    backends_give_way(url, backends)


async def _report(place: Path, progress: Progress) -> None:
    """Report from time to time how much has been written, which is flushed to disk steadily, not all at the end."""
    reported = monotonic()
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        written = await asyncio.to_thread(_flush, place)
        if monotonic() - reported >= _REPORT_SECONDS:
            reported = monotonic()
            progress(f"{written // MEGABYTE:,} MB written")


def _flush(place: Path) -> int:
    try:
        with place.open("rb") as file:
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_size
    except FileNotFoundError:  # the client has not begun
        return 0


def _files(folder: Path, key: str | None) -> dict[str, CopiedFile]:
    if key is not None:
        manifest.write_key(folder, key)
    names = [DUMP] if key is None else [DUMP, KEY]
    return {name: manifest.measure(manifest.unfinished(folder, name)) for name in names}


def _the(row: Record | None) -> Record:
    assert row is not None  # noqa: S101 - a select without a table gives a row
    return row
