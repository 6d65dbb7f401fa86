"""One run of tests or of the benchmark: its processes and folders are removed with it, even when it is killed."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARK = "RUN_FOLDER"
"""The variable that all processes of a run inherit; its value is the run's first folder."""
ENDS_WITH = "RUN_ENDS_WITH"
"""The variable that names a process, such as make, with which the run ends."""
MEMORY_FOLDER = Path("/dev/shm")  # noqa: S108 - what is made in it is private or meant to be entered
WARDEN = Path(__file__).with_name("warden.py")


@contextmanager
def watched(*folders: Path) -> Iterator[None]:
    """Clean up behind the block: end every program that it started, and remove these folders, even if it is killed."""
    os.environ[MARK] = str(folders[0])
    warden = subprocess.Popen(
        [sys.executable, "-I", "-S", WARDEN, f"{MARK}={folders[0]}", os.environ.get(ENDS_WITH, "0"), *folders],
        stdin=subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    try:
        yield
    finally:
        del os.environ[MARK]
        warden.communicate()


def make_folders() -> tuple[Path, ...]:
    """Make the folders of a run of tests: the first for databases, in memory if possible, the last for all else.

    The last becomes the place of temporary files, here and in everything that is started.
    """
    place = Path(tempfile.mkdtemp(prefix="wp-run-"))
    quick = Path(tempfile.mkdtemp(prefix="wp-run-", dir=MEMORY_FOLDER)) if MEMORY_FOLDER.is_dir() else place
    for folder in (quick, place):
        folder.chmod(0o755)  # PostgreSQL may run as another user
    os.environ["TMPDIR"] = str(place)
    tempfile.tempdir = None
    return quick, place


def folder_of_run() -> Path | None:
    """Return this run's folder for databases; None outside of a run."""
    return Path(os.environ[MARK]) if MARK in os.environ else None
