"""Writes a backup of a database that is in use: rows and schema are those of one moment, the beginning."""

import asyncio
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from asyncpg import Record

from waypost.store import installation
from waypost.store.backups import manifest
from waypost.store.backups.clients import run_client
from waypost.store.backups.manifest import DUMP, KEY, BackupError, CopiedFile, Manifest
from waypost.store.database import Database
from waypost.store.embedded.room import MEGABYTE
from waypost.store.migrating import Progress
from waypost.store.statements import Session, fetch, fetch_one

_LOOK_SECONDS: Final = 5.0
# Half the processor time of gzip's default, for a tenth more bytes: states of events are compressed already.
_COMPRESSION: Final = "gzip:1"


async def write(
    database: Database, url: str, folder: Path, *, key: str | None, clients: Path, progress: Progress
) -> Manifest:
    """Write a backup into a new or empty folder and return its manifest.

    ``url`` is where ``database`` is, ``clients`` the folder of pg_dump, ``key`` the secret key or None to leave it
    out. Deliveries and updates go on meanwhile; a migration waits. Raise BackupError; an unfinished backup stays
    recognisable as one.
    """
    manifest.prepare(folder)
    async with database.unhurried() as session, session.transaction(isolation="repeatable_read", readonly=True):
        snapshot = _the(await fetch_one(session, "export_snapshot"))["snapshot"]
        facts = _the(await fetch_one(session, "backup_facts"))
        check = await installation.key_check(session)
        if key is not None and check is not None and not await installation.knows_secret_key(session, key):
            raise BackupError(
                "The secret key is not the one that this database was made with: bring the right one back, or leave it"
                " out with --without-key."
            )
        await _dump(
            clients, url, manifest.unfinished(folder, DUMP), facts["schema"], snapshot=snapshot, progress=progress
        )
        progress("Counting rows")
        rows = await count_rows(session)
    made = Manifest(
        made_at=datetime.now(UTC).replace(microsecond=0),
        waypost=version("waypost"),
        postgres=facts["postgres"],
        migration=facts["migration"],
        schema=facts["schema"],
        database_size=facts["database_size"],
        key_check=None if check is None else check.hex(),
        rows=rows,
        files=await asyncio.to_thread(_files, folder, key),
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


async def _dump(clients: Path, url: str, place: Path, schema: str, *, snapshot: str, progress: Progress) -> None:
    options = [
        "--format=custom",
        f"--compress={_COMPRESSION}",
        f"--schema={_quoted(schema)}",
        "--strict-names",
        f"--snapshot={snapshot}",
        "--no-owner",
        "--no-privileges",
        f"--file={place}",
    ]
    telling = asyncio.create_task(_tell(place, progress))
    try:
        await run_client(clients / "pg_dump", url, options)
    finally:
        telling.cancel()


async def _tell(place: Path, progress: Progress) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        written = await asyncio.to_thread(os.path.getsize, place)
        progress(f"{written // MEGABYTE:,} MB written")


def _files(folder: Path, key: str | None) -> dict[str, CopiedFile]:
    if key is not None:
        manifest.write_key(folder, key)
    names = [DUMP] if key is None else [DUMP, KEY]
    return {name: manifest.measure(manifest.unfinished(folder, name)) for name in names}


def _the(row: Record | None) -> Record:
    assert row is not None  # noqa: S101 - a select without a table gives a row
    return row
