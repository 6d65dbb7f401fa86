"""Creates a cluster, and defines the settings that a server is started with."""

import asyncio
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Final

from waypost.store.embedded.address import SUPERUSER
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import (
    DatabaseUser,
    DataFolder,
    find_leftovers,
    give_folder,
    new_name,
    read_small,
    replacing,
    sync_folder,
)
from waypost.store.embedded.process import run_program
from waypost.store.embedded.programs import Programs

_SWEEPS: Final = 50
_SWEEP_SECONDS: Final = 0.1
_SETTINGS: Final = {
    # Confirmed commits are on disk. Set on the command line, so that neither a file nor ALTER SYSTEM can override it.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # The queue is a table of short-lived rows: checkpoint it rarely. How often it is vacuumed: `pace.py`.
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "pglz",
    "shared_buffers": "256MB",
    "huge_pages": "off",
    # Less than the default of 8 MB, all of which is touched at the start. 16,000 deliveries in 7 s never filled them
    # (pg_stat_wal.wal_buffers_full), as commits write small portions.
    "wal_buffers": "2MB",
    "max_connections": "100",
    # Nothing subscribes to another server, and most of what is read is in memory.
    "max_logical_replication_workers": "0",
    "io_workers": "1",
    "jit": "off",
    # Nobody but the local user, with the password.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%a ",
    "log_startup_progress_interval": "1s",
    "log_lock_waits": "on",
    "log_timezone": "UTC",
    "TimeZone": "UTC",
    # Startup's messages are read: see `embedded_log`.
    "lc_messages": "C",
}

_DISPOSABLE: Final = {
    # Nobody will miss it after a crash: no waiting for the disk, which would make others wait as well.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # What is copied into a table of the same transaction needs no write-ahead log then.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_init_zero": "off",
    # Writes go to the disk at once, in the class of this server, rather than later in one lump in the kernel's.
    "backend_flush_after": "1MB",
    "autovacuum": "off",
    "checkpoint_timeout": "1d",
    "max_parallel_maintenance_workers": "0",
    "shared_buffers": "64MB",
}

_QUICKLY: Final = ("--no-sync", "--wal-segsize=1")
"""Options of initdb with which less is written: for a disposable cluster."""


def cluster_exists(folder: DataFolder, programs: Programs, user: DatabaseUser) -> bool:
    """Return whether the folder has a cluster that these programs and this user can run.

    Raise EmbeddedPostgresError if it has one that they can't.
    """
    version = read_small(folder.cluster / "PG_VERSION")
    if version is None:
        if folder.cluster.is_dir() and any(folder.cluster.iterdir()):
            raise EmbeddedPostgresError(f"{folder.cluster} holds files but no database: move them away")
        return False
    if version.strip() != str(programs.version):
        raise EmbeddedPostgresError(
            f"{folder.cluster} was made by PostgreSQL {version.strip()}, "
            f"but {programs.folder} holds {programs.version}: set WAYPOST_PG_BIN to the folder of a {version.strip()}"
        )
    if folder.cluster.stat().st_uid != user.uid:
        raise EmbeddedPostgresError(
            f"{folder.cluster} does not belong to {user.name or user.uid}, under which PostgreSQL would run: "
            f"start as its owner, or hand it over with chown -R"
        )
    return True


async def sweep(folder: DataFolder) -> None:
    """Remove what was left half-made when an earlier owner was killed."""
    for _ in range(_SWEEPS):  # its initdb may still be ending, and writing
        leftovers = find_leftovers(folder)
        if not leftovers:
            return
        for leftover in leftovers:
            await asyncio.to_thread(_remove, leftover)
        await asyncio.sleep(_SWEEP_SECONDS)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


async def make_cluster(folder: DataFolder, programs: Programs, user: DatabaseUser, *, disposable: bool) -> None:
    """Create an empty cluster with a random password; an interrupted attempt leaves nothing behind that counts.

    A ``disposable`` one may be lost with the machine.
    """
    if user.name is None:  # a server does without one, initdb does not
        raise EmbeddedPostgresError(
            f"User id {user.uid} has no user name, which PostgreSQL requires: "
            f"add it to /etc/passwd or give {folder.path} to another user"
        )
    place = Path(tempfile.mkdtemp(prefix=new_name(folder.cluster), dir=folder.path))
    try:
        give_folder(place, user)
        with replacing(folder, folder.password_file, secrets.token_urlsafe(32), reader=user) as password_file:
            command = [*_initdb(programs, place, password_file), *(_QUICKLY if disposable else [])]
            await run_program(command, folder=folder.path, user=user)
        _put_in_place(place, folder, disposable=disposable)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _put_in_place(place: Path, folder: DataFolder, *, disposable: bool) -> None:
    if disposable:
        # Syncing the folder would write out all of the new cluster, and others' commits would wait for that.
        place.rename(folder.cluster)
        return
    # The password is stored first: a password without a cluster is replaced, a cluster without a password would be
    # lost.
    sync_folder(folder.path)
    place.rename(folder.cluster)
    sync_folder(folder.path)


def _initdb(programs: Programs, place: Path, password_file: Path) -> list[str | Path]:
    return [
        programs.folder / "initdb",
        f"--pgdata={place}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        # The builtin locale is the same everywhere; libc's C.UTF-8, which `--locale=C.UTF-8` also asks for, is not.
        "--locale-provider=builtin",
        "--locale=C",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]


def server_command(
    folder: DataFolder, programs: Programs, socket_folder: Path, *, disposable: bool
) -> list[str | Path]:
    """Return the command that runs the cluster's server. A ``disposable`` one does not wait for the disk."""
    settings = {
        **_SETTINGS,
        **(_DISPOSABLE if disposable else {}),
        "unix_socket_directories": str(socket_folder),
        "port": "5432",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [programs.folder / "postgres", "-D", folder.cluster, *options]
