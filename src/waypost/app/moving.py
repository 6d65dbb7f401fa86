"""Moves an installation between an embedded database and a server's, or between servers.

The old database is closed to writes first and stays closed: servers that still use it answer 503, what they accepted
before is in the copy, and nobody can go on with the old one by mistake.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from waypost.app.storage import Progress, given_key, reached_url
from waypost.settings import Settings
from waypost.store.backups import restoring, writing
from waypost.store.backups.clients import find_clients
from waypost.store.backups.freezing import close_to_writes, despite_closing, open_to_writes
from waypost.store.backups.manifest import BackupError, Manifest
from waypost.store.connecting import opened_database
from waypost.store.database import Access


async def move(old: Settings, new: Settings, progress: Progress) -> Manifest:
    """Copy the database of ``old`` to the empty place of ``new``, and return what was copied.

    On any error the old database is opened to writes again. Raise BackupError.
    """
    clients = find_clients(old.pg_bin)
    async with reached_url(old, progress) as (url, _):
        progress("Closing the database to writes")
        await close_to_writes(url)
        try:
            return await _copy(old, new, url, clients=clients, progress=progress)
        except BaseException:
            await asyncio.shield(open_to_writes(url))
            raise


async def stay(old: Settings, progress: Progress) -> None:
    """Open a database to writes again that was closed by a move which was killed, or is not wanted any more."""
    async with reached_url(old, progress) as (url, _):
        await open_to_writes(url)


async def _copy(old: Settings, new: Settings, url: str, *, clients: Path, progress: Progress) -> Manifest:
    key, place = given_key(old), despite_closing(url)
    with TemporaryDirectory(prefix="waypost-move-") as scratch:
        folder = Path(scratch) / "copy"
        progress("Copying the database")
        async with opened_database(Access(place, "move", old.schema, engine_size=1, serving_size=1)) as database:
            made = await writing.write(database, place, folder, key=None, clients=clients, progress=progress)
        if made.key_check is not None and key is None and new.database_url is None:
            raise BackupError("The secret key is missing: set WAYPOST_SECRET_KEY.")
        if new.database_url is None:
            data_dir, pg_bin = new.data_dir, new.pg_bin
            await restoring.restore_folder(folder, made, data_dir, key=key, pg_bin=pg_bin, progress=progress)
        else:
            progress("Restoring the database")
            target = new.database_url.get_secret_value()
            await restoring.restore_database(folder, made, target, schema=new.schema, clients=clients)
    return made
