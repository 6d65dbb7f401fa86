"""Writes a backup of a database that is in use: rows and schema are those of one moment, the beginning."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from asyncpg import Record

from waypost.store import installation
from waypost.store.backups import manifest
from waypost.store.backups.background import backends_give_way, is_back
from waypost.store.backups.clients import read_client
from waypost.store.backups.copying import copy
from waypost.store.backups.manifest import DUMP, KEY, BackupError, CopiedFile, Manifest
from waypost.store.backups.rhythm import Rhythm, Share, pause
from waypost.store.database import Database
from waypost.store.embedded.room import MEGABYTE
from waypost.store.ending import end
from waypost.store.migrating import Progress
from waypost.store.statements import Session, execute, fetch, fetch_one

_REPORT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.05
# Half the processor time of gzip's default, for a tenth more bytes: states of events are compressed already.
_COMPRESSION: Final = "gzip:1"
_DUMP: Final = ("--format=custom", f"--compress={_COMPRESSION}", "--strict-names", "--no-owner", "--no-privileges")
_PAGES: Final = 256
"""How many pages are counted at a time: reading them takes about a millisecond."""


async def write(
    database: Database,
    url: str,
    folder: Path,
    *,
    key: str | None,
    clients: Path,
    progress: Progress,
    rhythm: Rhythm | None = None,
) -> Manifest:
    """Write a backup into a new or empty folder and return its manifest.

    ``url`` is where ``database`` is, ``clients`` the folder of pg_dump, ``key`` the secret key or None to leave it
    out. Deliveries and updates go on meanwhile; a migration waits. If this process has stepped back, the backends that
    read for it give way as well; with a ``rhythm``, they rest when it does. Raise BackupError; then nothing is left,
    and what a kill leaves is recognisable as unfinished.
    """
    made = await asyncio.to_thread(manifest.prepare, folder)
    try:
        return await _write(
            database, url, folder, key=key, clients=clients, progress=progress, rhythm=rhythm or Rhythm()
        )
    except BaseException:
        await asyncio.to_thread(manifest.give_up, folder, made=made)
        raise


async def _write(
    database: Database,
    url: str,
    folder: Path,
    *,
    key: str | None,
    clients: Path,
    progress: Progress,
    rhythm: Rhythm,
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
            program = partial(read_client, clients / "pg_dump", url, [*options, *_DUMP], name=name)
            files = await _written(folder, program, rhythm, key)
        progress("Counting rows")
        rows = await count_rows(session, rhythm, Share.READING)
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


async def _written(
    folder: Path,
    program: Callable[[Callable[[int], CopiedFile]], Awaitable[CopiedFile]],
    rhythm: Rhythm,
    key: str | None,
) -> dict[str, CopiedFile]:
    """Write what a program prints and the key, if it is not None, into the folder. Raise BackupError."""
    try:
        dump = await program(partial(copy, place=manifest.unfinished(folder, DUMP), rhythm=rhythm))
        return await asyncio.to_thread(_files, folder, dump, key)
    except OSError as error:
        raise BackupError(f"{folder} can't be written to: {error.strerror}.") from None


async def count_rows(session: Session, rhythm: Rhythm, share: Share) -> dict[str, int]:
    """Return how many rows each table of the session's schema has; partitions count for the table they belong to.

    The session sees one moment of the database. It counts a few pages at a time, between which it may rest.
    """
    rows: dict[str, int] = {}
    for table in await fetch(session, "backup_tables"):
        rows.setdefault(table["name"], 0)
        if table["part"] is not None:
            rows[table["name"]] += await _count(session, table["part"], table["pages"], rhythm, share)
    return rows


async def _count(session: Session, part: str, pages: int, rhythm: Rhythm, share: Share) -> int:
    # The name is the catalogue's own, and quoted all the same. The last portion is open: nothing is behind it.
    some = f"select count(*) from {_quoted(part)} where ctid >= $1::text::tid"  # noqa: S608 - a quoted name
    firsts = range(0, max(pages, 1), _PAGES)
    counted = 0
    for first in firsts[:-1]:
        counted += await session.fetchval(f"{some} and ctid < $2::text::tid", f"({first},0)", f"({first + _PAGES},0)")
        await pause(rhythm, share)
    return counted + int(await session.fetchval(some, f"({firsts[-1]},0)"))


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
    """Report from time to time how much has been written."""
    while True:
        await asyncio.sleep(_REPORT_SECONDS)
        with suppress(FileNotFoundError):  # the client has not begun
            written = (await asyncio.to_thread(place.stat)).st_size
            progress(f"{written // MEGABYTE:,} MB written")


def _files(folder: Path, dump: CopiedFile, key: str | None) -> dict[str, CopiedFile]:
    """Return the files of the backup. Raise BackupError if the client said that all was well and wrote nothing."""
    if not dump.size:
        raise BackupError("pg_dump wrote nothing: set WAYPOST_PG_BIN to the folder of another one.")
    if key is None:
        return {DUMP: dump}
    manifest.write_key(folder, key)
    return {DUMP: dump, KEY: manifest.measure(manifest.unfinished(folder, KEY))}


def _the(row: Record | None) -> Record:
    assert row is not None  # noqa: S101 - a select without a table gives a row
    return row
