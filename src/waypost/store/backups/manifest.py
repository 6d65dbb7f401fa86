"""The folder of a backup: its files, and the manifest that makes it complete.

    manifest.json    what was copied: versions, rows by table, sizes and checksums; written last
    database.dump    the database's copy, in pg_dump's custom format
    secret.key       the installation's key, unless it was left out

While a backup is written its files end in ``.unfinished``. A folder without a manifest is never restored.
"""

import os
from contextlib import suppress
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

import msgspec

from waypost.domain.errors import OperatorError
from waypost.store.embedded.folder import sync_folder

MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
KEY: Final = "secret.key"
UNFINISHED: Final = ".unfinished"
_LARGEST_MANIFEST: Final = 1_000_000
_FORMAT: Final = 1


class BackupError(OperatorError):
    """A backup can't be made or restored; the message is one sentence that says why, and nothing was changed."""


class CopiedFile(msgspec.Struct, frozen=True):
    """A file of a backup: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    ``migration`` is the number of the newest migration of the database, ``schema`` the name of the copied schema,
    ``database_size`` what the schema's tables took on disk, in bytes, ``rows`` how many rows each table had, and
    ``key_check`` what only the right secret key produces (hexadecimal; None if the database has not seen a key).
    """

    format: int = _FORMAT
    made_at: datetime
    waypost: str
    postgres: int
    migration: int
    schema: str
    database_size: int
    key_check: str | None
    rows: dict[str, int]
    files: dict[str, CopiedFile]

    @property
    def has_key(self) -> bool:
        """Whether the secret key is in the backup."""
        return KEY in self.files


def prepare(folder: Path) -> bool:
    """Make the folder of a new backup, private to us, or empty it of an unfinished one; return whether it was made.

    Raise BackupError if it holds anything else.
    """
    try:
        made = not folder.exists()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = sorted(folder.iterdir())
        if (folder / MANIFEST) in found:
            raise BackupError(f"{folder} holds a backup already: choose another folder.")
        if others := [entry.name for entry in found if not entry.name.endswith(UNFINISHED)]:
            raise BackupError(f"{folder} is not empty (it holds {others[0]}): choose another folder.")
        for leftover in found:
            leftover.unlink()
        folder.chmod(0o700)
    except OSError as error:
        raise BackupError(f"{folder} can't be used for a backup: {error.strerror}.") from None
    return made


def give_up(folder: Path, *, made: bool) -> None:
    """Remove what a failed backup has written, for it may have filled the disk, and its folder if that was ``made``."""
    for leftover in (folder / DUMP, folder / KEY, *folder.glob(f"*{UNFINISHED}")):
        leftover.unlink(missing_ok=True)
    if made:
        with suppress(OSError):  # somebody else put something into it
            folder.rmdir()


def reject(folder: Path) -> None:
    """Take its manifest from a backup that can't be restored: then it counts as none, and is overwritten."""
    (folder / MANIFEST).rename(unfinished(folder, MANIFEST))


def unfinished(folder: Path, name: str) -> Path:
    """Return where a file of a backup is while the backup is written."""
    return folder / f"{name}{UNFINISHED}"


def write_key(folder: Path, key: str) -> None:
    """Write the key as an unfinished file with mode 0600."""
    descriptor = os.open(unfinished(folder, KEY), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")


def measure(path: Path) -> CopiedFile:
    """Return size and checksum of a file, read from its beginning to its end."""
    with path.open("rb") as file:
        return CopiedFile(path.stat().st_size, file_digest(file, "sha256").hexdigest())


def finish(folder: Path, manifest: Manifest) -> None:
    """Rename the files and write the manifest, so that everything survives a power failure. Raise BackupError."""
    try:
        _finish(folder, manifest)
    except OSError as error:
        raise BackupError(f"{folder} can't be written to: {error.strerror}.") from None


def _finish(folder: Path, manifest: Manifest) -> None:
    for name in manifest.files:
        with unfinished(folder, name).open("rb") as file:
            os.fsync(file.fileno())
        unfinished(folder, name).rename(folder / name)
    place = unfinished(folder, MANIFEST)
    with place.open("xb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    place.rename(folder / MANIFEST)
    sync_folder(folder)


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup. Raise BackupError if the folder holds none that this program can read."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            text = file.read(_LARGEST_MANIFEST)
        manifest = msgspec.json.decode(text, type=Manifest)
    except FileNotFoundError:
        raise BackupError(f"{folder} holds no finished backup: there is no {MANIFEST}.") from None
    except OSError as error:
        raise BackupError(f"{folder} can't be read: {error.strerror}.") from None
    except msgspec.DecodeError:
        raise BackupError(f"{folder / MANIFEST} is damaged: use another backup.") from None
    if manifest.format > _FORMAT:
        raise BackupError(f"The backup was made by Waypost {manifest.waypost}, which is newer: upgrade this program.")
    # The schema's name becomes part of statements, and the files' names part of paths.
    if '"' in manifest.schema or DUMP not in manifest.files or not manifest.files.keys() <= {DUMP, KEY}:
        raise BackupError(f"{folder / MANIFEST} is damaged: use another backup.")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare the files with the manifest. Raise BackupError for one that is missing or has changed.

    The key may have been moved elsewhere.
    """
    for name, expected in manifest.files.items():
        if name == KEY and not (folder / KEY).exists():
            continue
        try:
            found = measure(folder / name)
        except OSError as error:
            raise BackupError(f"{folder / name} can't be read: {error.strerror}.") from None
        if found != expected:
            raise BackupError(f"{folder / name} is damaged: it is not the file that was written. Use another backup.")
