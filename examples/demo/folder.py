"""The demo's folder: emptied at the start, and locked by one demo at a time."""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from examples.demo.failures import DemoFailed


@contextmanager
def held_folder(folder: Path) -> Iterator[int]:
    """Empty and lock the folder. Return the locked file, which the demo's programs inherit."""
    if folder.is_symlink():
        raise DemoFailed(f"{folder} is a link, and what it leads to is not emptied: remove the link.")
    try:
        folder.mkdir(mode=0o755, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DemoFailed(f"{folder} cannot be used: {error.strerror}.") from error
    try:
        _hold(lock, folder)
        _empty(folder)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def database_folder(folder: Path) -> Iterator[Path]:
    """Return the folder of the database: in the demo's folder, or elsewhere if PostgreSQL can't access that.

    Started by root, PostgreSQL runs as another user, who can't enter /root. A folder elsewhere is removed at the end.
    """
    if os.geteuid() != 0 or all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents)):
        yield folder / "waypost"
        return
    with tempfile.TemporaryDirectory(prefix="waypost-demo-") as place:
        Path(place).chmod(0o711)
        yield Path(place) / "waypost"


def _hold(lock: int, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DemoFailed(
            f"Another demo runs in {folder}, or a part of one is left: end the processes in {folder / 'processes'}."
        ) from None


def _empty(folder: Path) -> None:
    try:
        for entry in folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    except OSError as error:
        raise DemoFailed(f"{folder} cannot be emptied: {error.strerror}: remove it by hand.") from error
