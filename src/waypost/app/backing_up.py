"""Backs up the installation that the settings name, and restores a backup into one that does not exist yet."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from waypost.app.storage import Progress, Storage, given_key, reached_storage
from waypost.settings import Settings, given_by_option, variable
from waypost.store import condition
from waypost.store.backups import restoring, writing
from waypost.store.backups.background import is_back
from waypost.store.backups.clients import find_clients
from waypost.store.backups.manifest import BackupError, Manifest, reject
from waypost.store.backups.rhythm import Rhythm, give_way_while_busy
from waypost.store.backups.scheduled import ScheduledBackups, scratch_folder
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import DatabaseUser
from waypost.store.embedded.process import run_program
from waypost.store.ending import end
from waypost.store.installation import key_check

_SAID: Final = "waypost: "
"""What a command's error begins with."""


async def back_up(settings: Settings, folder: Path, *, with_key: bool, check: bool, progress: Progress) -> Manifest:
    """Write a backup into a new or empty folder and return its manifest; with ``check``, restore it to try.

    The database may be in use. Raise BackupError.
    """
    clients = find_clients(settings.pg_bin)
    key = given_key(settings) if with_key else None
    async with reached_storage(settings, progress) as storage:
        async with storage.database.serving.acquire() as session:
            if await condition.pending_migrations(session) is None:
                raise BackupError("The database has no Waypost tables: there is nothing to back up.")
            if with_key and key is None and await key_check(session) is not None:
                raise BackupError("The secret key is missing: bring it back, or leave it out with --without-key.")
        progress(f"Backing up into {folder}")
        async with _rhythm(storage, progress) as rhythm:
            made = await writing.write(
                storage.database,
                storage.url,
                folder,
                key=key,
                clients=clients,
                progress=progress,
                rhythm=rhythm,
            )
            if check:
                await check_backup(folder, made, pg_bin=settings.pg_bin, progress=progress, rhythm=rhythm)
    return made


@asynccontextmanager
async def _rhythm(storage: Storage, progress: Progress) -> AsyncIterator[Rhythm]:
    """Yield the rhythm of a backup.

    If this process has stepped back, it gives way to a server that is running and busy. Nothing else uses a PostgreSQL
    that this process has started.
    """
    rhythm = Rhythm()
    if storage.server is not None or not is_back():
        yield rhythm
        return
    progress("The server is running: while it is busy, the backup rests most of the time. --fast turns that off.")
    looking = asyncio.create_task(give_way_while_busy(rhythm, storage.database))
    try:
        yield rhythm
    finally:
        await end(looking)


async def check_backup(
    folder: Path, manifest: Manifest, *, pg_bin: Path | None, progress: Progress, rhythm: Rhythm
) -> None:
    """Restore a backup into a scratch database below the folder for temporary files, and compare.

    Raise BackupError; then the folder no longer counts as a backup.
    """
    try:
        with scratch_folder() as scratch:
            await restoring.check_by_restoring(
                folder, manifest, scratch, pg_bin=pg_bin, progress=progress, rhythm=rhythm
            )
    except BaseException:
        await asyncio.to_thread(reject, folder)
        raise


async def restore(settings: Settings, folder: Path, *, key: str | None, progress: Progress) -> Manifest:
    """Restore a backup into the data directory or database of the settings, and return its manifest.

    ``key`` is the secret key, None for the one in the backup. Raise BackupError; then nothing was changed.
    """
    if key is None and settings.secret_key is not None:
        key = settings.secret_key.get_secret_value()
    progress(f"Reading the backup in {folder}")
    manifest, key = await asyncio.to_thread(restoring.open_backup, folder, key=key)
    if settings.database_url is None:
        await restoring.restore_folder(
            folder, manifest, settings.data_dir, key=key, pg_bin=settings.pg_bin, progress=progress
        )
    else:
        url, clients = settings.database_url.get_secret_value(), find_clients(settings.pg_bin)
        progress("Restoring the database")
        await restoring.restore_database(folder, manifest, url, schema=settings.schema, clients=clients)
    return manifest


def scheduled_backups(settings: Settings) -> ScheduledBackups | None:
    """Return the backups that the keeper makes, None if the operator wants none.

    Those of an embedded database are tried in a scratch one; beside a server database there may be no PostgreSQL to try
    them with.
    """
    if settings.backup_dir is None:
        return None
    check = settings.database_url is None

    async def make(folder: Path) -> None:
        await back_up_in_the_background(settings, folder, with_key=settings.backup_key == "on", check=check)

    return ScheduledBackups(settings.backup_dir, make, checked=check)


async def back_up_in_the_background(settings: Settings, folder: Path, *, with_key: bool, check: bool) -> None:
    """Let `waypost backup` write a backup. Raise BackupError.

    That process steps back, with everything that it starts. This one goes on as it is.
    """
    command: list[str | Path] = [sys.executable, "-P", "-m", "waypost", "backup", folder]
    command += [] if with_key else ["--without-key"]
    command += [] if check else ["--no-check"]
    ourselves = DatabaseUser(os.geteuid(), os.getegid(), None)
    environment = {**os.environ, **given_by_option(settings), variable("log_format"): "text"}
    try:
        await run_program(command, folder=Path.cwd(), user=ourselves, environment=environment)
    except EmbeddedPostgresError as error:
        raise BackupError(str(error).partition(_SAID)[2] or str(error)) from None
