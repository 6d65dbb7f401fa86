"""Restores a backup: into a new data directory, or into an empty schema of a server database.

A data directory is made in a folder of its own inside the new one and moved into place at the end, the cluster last.
Until then the directory counts as unfinished: the embedded PostgreSQL refuses to start in it.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

from waypost.store.backups.clients import find_clients, run_client
from waypost.store.backups.manifest import DUMP, KEY, BackupError, Manifest, check_files, read
from waypost.store.backups.rhythm import Rhythm, Share
from waypost.store.backups.slicing import in_slices
from waypost.store.backups.writing import count_rows
from waypost.store.connecting import opened_database
from waypost.store.database import Access, Database
from waypost.store.embedded.folder import DataFolder, open_folder, read_small, sync_folder, try_lock
from waypost.store.embedded.room import MEGABYTE
from waypost.store.embedded.server import EmbeddedPostgres
from waypost.store.installation import KeyFile, check_value
from waypost.store.migrating import Progress
from waypost.store.migration_files import migrations
from waypost.store.statements import fetch_one

_MARGIN: Final = 1.3
"""How much more room than the copied tables took must be free: write-ahead log and an empty cluster."""
_CLUSTER_BYTES: Final = 150_000_000


def open_backup(folder: Path, *, key: str | None) -> tuple[Manifest, str | None]:
    """Return manifest and secret key of a backup that can be restored here.

    ``key`` goes before the key in the backup; the key is None only for a database that has never seen one. Raise
    BackupError if the backup is damaged, newer than this program, or if the key is missing or another one.
    """
    manifest = read(folder)
    newest = migrations()[-1].number
    if manifest.migration > newest:
        raise BackupError(f"The backup was made by Waypost {manifest.waypost}, which is newer: upgrade this program.")
    if key is None and (found := read_small(folder / KEY)) is not None:
        key = found.strip()
    if manifest.key_check is not None:
        if key is None:
            raise BackupError(f"{folder} holds no secret key: give the file that has it with --secret-key-file.")
        if check_value(key).hex() != manifest.key_check:
            raise BackupError("The secret key is not the one that the backup was made with: give the right one.")
    check_files(folder, manifest)
    return manifest, key


async def restore_folder(
    folder: Path, manifest: Manifest, data_dir: Path, *, key: str | None, pg_bin: Path | None, progress: Progress
) -> None:
    """Restore a backup into a data directory that is empty or does not exist yet.

    Raise BackupError; then, and after a kill, the directory is as before or marked as unfinished.
    """
    made = not _is_there(data_dir)
    place = open_folder(data_dir)
    lock = try_lock(place)
    if lock is None:
        raise BackupError(f"Another Waypost is running on {place.path}: stop it or choose another data directory.")
    try:
        _refuse_full(place.path, manifest, "free up space or choose another place")
        shutil.rmtree(place.unfinished_restore, ignore_errors=True)
        await _fill(folder, manifest, place, key=key, pg_bin=pg_bin, progress=progress)
        await asyncio.to_thread(_put_in_place, place)
    except BaseException:
        _take_back(place, made=made)
        raise
    finally:
        os.close(lock)


async def check_by_restoring(
    folder: Path, manifest: Manifest, scratch: Path, *, pg_bin: Path | None, progress: Progress, rhythm: Rhythm
) -> None:
    """Restore a backup into a scratch data directory, compare it with its manifest, and remove it again.

    The scratch database works in the ``rhythm``. Raise BackupError if the restored one differs, or can't be restored.
    """
    progress("Checking: restoring into a scratch database")
    place = open_folder(scratch)
    try:
        _refuse_full(place.path, manifest, "set TMPDIR to a folder on another disk, or use --no-check")
        async with _scratch_server(place.path, pg_bin, progress, disposable=True) as url:
            clients = find_clients(pg_bin)
            await restore_database(folder, manifest, url, schema=manifest.schema, clients=clients, rhythm=rhythm)
    finally:
        await asyncio.to_thread(shutil.rmtree, place.path, ignore_errors=True)


async def restore_database(
    folder: Path,
    manifest: Manifest,
    url: str,
    *,
    schema: str | None,
    clients: Path,
    rhythm: Rhythm | None = None,
) -> None:
    """Restore a backup into a database whose schema has no tables, in one transaction, and compare the rows.

    With a ``rhythm``, the database is a disposable one on this machine and works in it. Raise BackupError if there are
    tables, if ``schema`` is another than the copied one, or if the rows differ.
    """
    if schema is not None and schema != manifest.schema:
        raise BackupError(f"The backup is of the schema {manifest.schema}: set WAYPOST_SCHEMA={manifest.schema}.")
    access = Access(url, "restore", manifest.schema, engine_size=1, serving_size=1, disposable=rhythm is not None)
    async with opened_database(access) as database:
        await _prepare(database)
        # With the schema named, its own creation is left out.
        options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
        async with _session(database, url, rhythm) as name:
            await run_client(
                clients / "pg_restore", url, [*options, f"--schema={manifest.schema}", folder / DUMP], name=name
            )
        await _compare(database, manifest, rhythm or Rhythm())


async def _fill(
    folder: Path, manifest: Manifest, place: DataFolder, *, key: str | None, pg_bin: Path | None, progress: Progress
) -> None:
    staging = open_folder(place.unfinished_restore)
    if os.geteuid() == 0:
        os.chown(staging.path, place.uid, place.gid)
    async with _scratch_server(staging.path, pg_bin, progress) as url:
        progress("Restoring the database")
        await restore_database(folder, manifest, url, schema=manifest.schema, clients=find_clients(pg_bin))
    if key is not None:
        KeyFile(staging.path).write(key)


@asynccontextmanager
async def _scratch_server(
    data_dir: Path, pg_bin: Path | None, progress: Progress, *, disposable: bool = False
) -> AsyncIterator[str]:
    server = await EmbeddedPostgres.start(data_dir, pg_bin=pg_bin, progress=progress, disposable=disposable)
    try:
        yield server.dsn
    finally:
        await server.stop()


def _session(database: Database, url: str, rhythm: Rhythm | None) -> AbstractAsyncContextManager[str]:
    """Return the name for a client's session, as long as it works."""
    return nullcontext("waypost-restore") if rhythm is None else in_slices(database, url, rhythm)


async def _prepare(database: Database) -> None:
    """Make the schema if there is none. Raise BackupError if it has tables."""
    async with database.serving.acquire() as session:
        row = await fetch_one(session, "has_any_table")
        if row is not None and row["present"]:
            raise BackupError("The database has tables already: restore into an empty one.")
        await session.execute(f'create schema if not exists "{database.schema}"')


async def _compare(database: Database, manifest: Manifest, rhythm: Rhythm) -> None:
    async with database.unhurried() as session:
        rows = await count_rows(session, rhythm, Share.CHECKING)
    differing = sorted(name for name in rows.keys() | manifest.rows.keys() if rows.get(name) != manifest.rows.get(name))
    if differing:
        name = differing[0]
        raise BackupError(
            f"The restored table {name} has {rows.get(name, 0):,} rows instead of {manifest.rows.get(name, 0):,}:"
            " use another backup."
        )


def _is_there(data_dir: Path) -> bool:
    """Return whether the data directory exists. Raise BackupError if it is used."""
    if not data_dir.exists():
        return False
    ours = {"lock", DataFolder.UNFINISHED_RESTORE}
    try:
        names = {entry.name for entry in data_dir.iterdir()}
    except OSError as error:
        raise BackupError(f"{data_dir} can't be used: {error.strerror}.") from None
    if DataFolder.UNFINISHED_RESTORE in names:
        ours |= {"secret.key", "postgres.password"}  # moved just before a kill
    found = sorted(names - ours)
    if "postgres" in found:
        raise BackupError(f"{data_dir} holds a Waypost already: choose another data directory.")
    if found:
        raise BackupError(f"{data_dir} is not empty (it holds {found[0]}): choose another data directory.")
    return True


def _refuse_full(path: Path, manifest: Manifest, advice: str) -> None:
    free = shutil.disk_usage(path).free
    wanted = int(manifest.database_size * _MARGIN) + _CLUSTER_BYTES
    if free < wanted:
        raise BackupError(
            f"The disk of {path} has {free // MEGABYTE:,} MB left, and restoring needs {wanted // MEGABYTE:,} MB:"
            f" {advice}."
        )


def _take_back(place: DataFolder, *, made: bool) -> None:
    """Remove what an unsuccessful restore has put into the data directory, which had nothing in it."""
    shutil.rmtree(place.unfinished_restore, ignore_errors=True)
    if place.cluster.exists():
        return
    for path in (KeyFile(place.path).path, place.password_file, place.lock_file):
        path.unlink(missing_ok=True)
    if made:
        place.path.rmdir()


def _put_in_place(place: DataFolder) -> None:
    """Move what was restored into the data directory. The cluster's move decides: before it, nothing was restored."""
    staging = DataFolder(place.unfinished_restore, place.uid, place.gid)
    for path in (KeyFile(staging.path).path, staging.password_file):
        if path.exists():
            path.rename(place.path / path.name)
    sync_folder(place.path)
    staging.cluster.rename(place.cluster)
    sync_folder(place.path)
    shutil.rmtree(staging.path)
