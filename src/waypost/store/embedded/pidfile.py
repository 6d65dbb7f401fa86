"""PostgreSQL's own pid file: what it says, and how much of it is true."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from waypost.store.embedded.folder import DatabaseUser, DataFolder, read_small

_STATUS_LINE = 7


@dataclass(frozen=True, slots=True)
class PidFile:
    """The two lines of `postmaster.pid` that matter here."""

    pid: int
    ready: bool


def read_pid_file(folder: DataFolder) -> PidFile | None:
    """Return the content of this folder's pid file, None if there is none or it makes no sense."""
    lines = (read_small(_path(folder)) or "").splitlines()
    if not lines or not lines[0].isascii() or not lines[0].isdigit() or int(lines[0]) == 0:
        return None
    return PidFile(int(lines[0]), len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready")


def predecessor(folder: DataFolder, user: DatabaseUser) -> int | None:
    """Return the id of a living PostgreSQL that works on this folder, None if there is none.

    A pid file alone proves nothing: it remains after a kill, and in a container its number soon belongs to another
    process.
    """
    noted = read_pid_file(folder)
    if noted is None or not _is_postgres(noted.pid, folder.cluster, user):
        return None
    return noted.pid


def remove_stale_files(folder: DataFolder, socket_folder: Path) -> None:
    """Remove the traces of a server on this folder; only if `predecessor` found none.

    PostgreSQL would not start if such a file has the number of a living process. A pid file with a dead one's number
    stays: from it PostgreSQL finds out whether backends of the killed server still hold their shared memory.
    """
    noted = read_pid_file(folder)
    if noted is not None and _is_alive(noted.pid):
        _path(folder).unlink(missing_ok=True)
    # The socket's folder is for this cluster alone.
    (socket_folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _path(folder: DataFolder) -> Path:
    return folder.cluster / "postmaster.pid"


def _is_postgres(pid: int, cluster: Path, user: DatabaseUser) -> bool:
    process = Path("/proc") / str(pid)
    if not Path("/proc/self").exists():
        return _is_listed(pid, cluster)
    try:
        # Root's: how a program looks that its own user may run but not read.
        if process.stat().st_uid not in {user.uid, 0} or read_small(process / "comm") != "postgres\n":
            return False
        return (process / "cwd").samefile(cluster)
    except PermissionError:
        # Root in a container may not be allowed to look at other users' processes; the command line is open to all.
        return os.fsencode(cluster) in _arguments(process)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _is_listed(pid: int, cluster: Path) -> bool:
    command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, check=False, timeout=10).stdout  # noqa: S603 - all ours
    return b"postgres -D " + os.fsencode(cluster) in listed


def _arguments(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's, so not PostgreSQL on our folder
    return True
