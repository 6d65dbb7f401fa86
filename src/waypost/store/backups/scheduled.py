"""Backups that the keeper makes: each in a folder of one folder, named by its time; old ones are removed."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from waypost.domain.backups import is_due, kept
from waypost.store.backups import manifest, restoring, writing
from waypost.store.backups.clients import find_clients
from waypost.store.backups.manifest import MANIFEST, UNFINISHED, Manifest
from waypost.store.database import Database

_LOG: Final = structlog.get_logger()
_NAME: Final = "waypost-%Y%m%dT%H%M%SZ"


class ScheduledBackups:
    """The backups in ``folder``, one a day. ``url`` is where the database is.

    ``key`` is copied with each, None leaves it out; ``check`` restores each into a scratch database.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        key: str | None,
        check: bool,
        pg_bin: Path | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._url = url
        self._key = key
        self._check = check
        self._pg_bin = pg_bin
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

    async def make_due(self, database: Database) -> int:
        """Make a backup if one is due, remove those that are kept no longer, and return how many were made.

        Raise BackupError; unfinished backups are removed at the next turn.
        """
        now = self._now()
        made = await asyncio.to_thread(self.made)
        if not is_due(made, now):
            return 0
        await asyncio.to_thread(_remove_unfinished, self._folder)
        place = self._folder / now.strftime(_NAME)
        written = await writing.write(
            database, self._url, place, key=self._key, clients=find_clients(self._pg_bin), progress=_nobody
        )
        if self._check:
            await self._try(place, written)
        _LOG.info("backup_made", folder=str(place), rows=sum(written.rows.values()), checked=self._check)
        await asyncio.to_thread(self._prune)
        return 1

    async def _try(self, place: Path, written: Manifest) -> None:
        try:
            with scratch_folder() as scratch:
                await restoring.check_by_restoring(place, written, scratch, pg_bin=self._pg_bin, progress=_nobody)
        except BaseException:
            # Not a backup to rely on: without its manifest it counts as none, and goes with the next one.
            (place / MANIFEST).rename(manifest.unfinished(place, MANIFEST))
            raise

    def _prune(self) -> None:
        made = self.made()
        for at in made.keys() - kept(made):
            shutil.rmtree(made[at])


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield where a scratch data directory can be made, below the folder for temporary files; remove it at the end."""
    with TemporaryDirectory(prefix="waypost-check-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)  # root's PostgreSQL runs as another user, who has to pass
        yield Path(place) / "data"


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


def _nobody(_line: str) -> None:
    """Take progress that nobody watches."""
