"""Data directories and servers for the tests of the embedded PostgreSQL."""

import os
import select
import shutil
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg

from tests.support.run import folder_of_run
from waypost.store.embedded.server import EmbeddedPostgres

ROOMY_BYTES = 1 << 30
LEAVING_SECONDS = 120


def ignore(_message: str) -> None:
    """Take progress and do nothing."""


@contextmanager
def open_place() -> Iterator[Path]:
    # pytest's own tmp_path is closed to the user that PostgreSQL runs as in root's place.
    place = Path(tempfile.mkdtemp(prefix="wp-", dir=_quick_folder()))
    place.chmod(0o755)
    try:
        yield place
    finally:
        _wait_until_left(place)
        shutil.rmtree(place)


@asynccontextmanager
async def running(data_dir: Path, progress: Callable[[str], None] = ignore) -> AsyncIterator[EmbeddedPostgres]:
    server = await EmbeddedPostgres.start(data_dir, pg_bin=None, progress=progress)
    try:
        yield server
    finally:
        await server.stop()


async def run(server: EmbeddedPostgres, statement: str) -> object:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def workers_in(place: Path) -> list[int]:
    """Return the ids of the processes that work in a folder, as all of PostgreSQL's do in its cluster."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended as it was looked at, or is not ours
            if (process / "cwd").readlink().is_relative_to(place):
                found.append(int(process.name))
    return found


def _wait_until_left(place: Path) -> None:
    # Of a server that was killed, backends still finish what they do, and take away the files of tables.
    while left := workers_in(place):
        for process in left:
            with suppress(ProcessLookupError):
                handle = os.pidfd_open(process)
                try:
                    assert select.select([handle], [], [], LEAVING_SECONDS)[0], f"{process} works in {place}"
                finally:
                    os.close(handle)


def _quick_folder() -> Path | None:
    """Return the run's folder in memory if there is room: copying a cluster takes a tenth of the time there."""
    folder = folder_of_run()
    return folder if folder is not None and shutil.disk_usage(folder).free > ROOMY_BYTES else None


async def folder_of(server: EmbeddedPostgres) -> Path:
    return Path(str(await run(server, "show data_directory"))).parent


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def copy_folder(source: Path, target: Path) -> Path:
    subprocess.run(["cp", "-a", source, target], check=True)  # noqa: S607 - keeps owners, which shutil does not
    return target


def move_folder(source: Path, target: Path) -> Path:
    target.parent.mkdir(exist_ok=True)
    return source.rename(target)


def read(path: str) -> str:
    return Path(path).read_text()


def open_files(pid: int) -> set[str]:
    return {str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir()}
