"""Backups that the keeper makes: each in a folder of one folder, named by its time; old ones are removed."""

import asyncio
import os
import shutil
import stat
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Final

import structlog

from waypost.domain.backups import is_due, kept
from waypost.store.backups import manifest
from waypost.store.backups.manifest import MANIFEST, UNFINISHED
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import find_folder, is_locked

_LOG: Final = structlog.get_logger()
_SCRATCH: Final = "waypost-check-"
_ABANDONED_SECONDS: Final = 3600.0
_NAME: Final = "waypost-%Y%m%dT%H%M%SZ"


class ScheduledBackups:
    """The backups in ``folder``, one a day.

    ``make`` writes one into a new folder, and restores it to try it if it is to be ``checked``. It raises BackupError
    and then leaves nothing that passes for a backup.
    """

    def __init__(
        self,
        folder: Path,
        make: Callable[[Path], Awaitable[None]],
        *,
        checked: bool,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._make = make
        self._checked = checked
        self._now = now

    def made(self) -> dict[datetime, Path]:
        """Return the finished backups by their time. Raise OSError if the folder can't be read."""
        return {at: path for at, path in _named(self._folder).items() if (path / MANIFEST).is_file()}

    def newest(self) -> datetime | None:
        """Return when the newest finished backup was made, None if there is none or the folder can't be read."""
        try:
            return max(self.made(), default=None)
        except OSError:
            return None

    async def make_due(self) -> int:
        """Make a backup if one is due, remove those that are kept no longer, and return how many were made.

        Raise BackupError; unfinished backups are removed at the next turn.
        """
        now = self._now()
        made = await asyncio.to_thread(self.made)
        if not is_due(made, now):
            return 0
        await asyncio.to_thread(_remove_unfinished, self._folder)
        place = self._folder / now.strftime(_NAME)
        await self._make(place)
        written = await asyncio.to_thread(manifest.read, place)
        _LOG.info("backup_made", folder=str(place), rows=sum(written.rows.values()), checked=self._checked)
        await asyncio.to_thread(self._prune)
        return 1

    def _prune(self) -> None:
        made = self.made()
        for at in made.keys() - kept(made):
            shutil.rmtree(made[at])


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield where a scratch data directory can be made, below the folder for temporary files; remove it at the end.

    Also remove those of checks that were killed: they may be as large as the database.
    """
    for abandoned in Path(gettempdir()).glob(f"{_SCRATCH}*"):
        if _is_abandoned(abandoned):
            shutil.rmtree(abandoned, ignore_errors=True)
    with TemporaryDirectory(prefix=_SCRATCH, ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)  # root's PostgreSQL runs as another user, who has to pass
        yield Path(place) / "data"


def _is_abandoned(place: Path) -> bool:
    """Return whether a scratch folder is ours and nobody has worked in it for an hour."""
    try:
        found = place.lstat()
        data = find_folder(place / "data")
    except (OSError, EmbeddedPostgresError):
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return ours and time.time() - found.st_mtime > _ABANDONED_SECONDS and (data is None or not is_locked(data))


def _named(folder: Path) -> dict[datetime, Path]:
    """Return the folders with the names of our backups, by time; links are ignored."""
    found = {}
    for entry in folder.iterdir() if folder.exists() else ():
        try:
            at = datetime.strptime(entry.name, _NAME).replace(tzinfo=UTC)
        except ValueError:
            continue
        if entry.is_dir() and not entry.is_symlink():
            found[at] = entry
    return found


def _remove_unfinished(folder: Path) -> None:
    """Remove backups that were not finished; nobody writes one now, as the keeper holds the duty."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours = {manifest.DUMP, manifest.KEY}
    for path in _named(folder).values():
        names = {entry.name for entry in path.iterdir()}
        if MANIFEST not in names and all(name in ours or name.endswith(UNFINISHED) for name in names):
            shutil.rmtree(path)
