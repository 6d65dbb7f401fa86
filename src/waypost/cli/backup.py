"""``waypost backup`` and ``waypost restore``: copy an installation into a folder, and make one from such a copy."""

import asyncio
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from waypost.app.backing_up import back_up
from waypost.app.backing_up import restore as restore_backup
from waypost.cli.answers import answer
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.terminal import counted
from waypost.store.backups.manifest import BackupError, Manifest
from waypost.store.embedded.folder import read_small
from waypost.store.embedded.room import MEGABYTE

Folder = Annotated[Path, Parameter(help="The folder of the backup.")]


def backup(
    folder: Folder,
    *,
    without_key: Annotated[bool, Parameter(negative="", help="Leave out the secret key: keep it elsewhere.")] = False,
    no_check: Annotated[bool, Parameter(negative="", help="Don't restore the backup into a scratch database.")] = False,
    fast: Annotated[
        bool, Parameter(negative="", help="Don't give way to other programs on the machine, such as the server.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Back up the installation, running or not, into a new folder.

    The copy is a consistent snapshot. It is checked by restoring it into a scratch database in the folder for temporary
    files (TMPDIR), which needs as much space as the database; --no-check skips that. It runs at the lowest
    priority and rests most of the time while the server is busy, so that deliveries are not delayed; --fast turns that
    off.
    """
    del fast  # `main` reads it, before it loads this module
    settings = chosen(data_dir=data_dir, database_url=database_url)
    place = folder.absolute()
    made = asyncio.run(back_up(settings, place, with_key=not without_key, check=not no_check, progress=progress))
    _show(made, as_json=as_json, done="Backed up" if no_check else "Backed up and checked", folder=place)
    if made.has_key and not as_json:
        progress(f"{place / 'secret.key'} opens every secret in the backup: keep it apart from the rest.")


def restore(
    folder: Folder,
    *,
    secret_key_file: Annotated[
        Path | None, Parameter(help="The file with the secret key, if the backup was made without it.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create an installation from a backup: in a new data directory, or in an empty database.

    Deliveries that were waiting when the backup was made are sent as soon as the server starts.
    """
    settings = chosen(data_dir=data_dir, database_url=database_url)
    place = folder.absolute()
    key = None if secret_key_file is None else _key_of(secret_key_file)
    manifest = asyncio.run(restore_backup(settings, place, key=key, progress=progress))
    where = settings.data_dir if settings.database_url is None else "the database"
    _show(manifest, as_json=as_json, done=f"Restored into {where}", folder=place)
    if settings.database_url is not None and settings.secret_key is None and not as_json:
        progress("Set WAYPOST_SECRET_KEY to the secret key of the backup before you start the server.")


def _key_of(path: Path) -> str:
    try:
        key = (read_small(path) or "").strip()
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}.") from None
    if not key:
        raise BackupError(f"{path} holds no key.")
    return key


def _show(manifest: Manifest, *, as_json: bool, done: str, folder: Path) -> None:
    parcels, events = manifest.rows.get("tracking", 0), manifest.rows.get("event", 0)
    size = sum(file.size for file in manifest.files.values())
    key = "with the secret key" if manifest.has_key else "without the secret key"
    words = (
        f"{done}: {counted(parcels, 'parcel')} and {counted(events, 'event')}, as of"
        f" {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC, {size / MEGABYTE:,.1f} MB, {key}."
    )
    answer({"folder": str(folder), **msgspec.to_builtins(manifest)}, words, as_json=as_json)
