"""PostgreSQL as a child of `serve`: created, started, watched, restarted and stopped inside one data directory."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, Self

import asyncpg

from waypost.store.embedded.address import ServerAddress, ServerState, ask, make_database
from waypost.store.embedded.cluster import cluster_exists, make_cluster, server_command, sweep
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import (
    NOBODY,
    SYSTEM_USER,
    DatabaseUser,
    DataFolder,
    database_user,
    drop_socket_folder,
    find_folder,
    find_socket_folder,
    is_locked,
    make_socket_folder,
    note_url,
    open_folder,
    read_small,
    refuse_unreachable,
    try_lock,
)
from waypost.store.embedded.log import ServerLog
from waypost.store.embedded.pidfile import predecessor, read_pid_file, remove_stale_files
from waypost.store.embedded.process import ServerProcess
from waypost.store.embedded.programs import Programs, find_programs

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "ServerAddress", "has_cluster", "locate"]

Progress = Callable[[str], None]

_LOOK_SECONDS: Final = 0.01
_WAIT_SECONDS: Final = 0.1
_LOCK_TRIES: Final = 20
_STUBBORN_SECONDS: Final = 10.0
_LOCATE_SECONDS: Final = 30.0
# PostgreSQL's message while processes of a killed server still hold its memory.
_OLD_BACKENDS: Final = "pre-existing shared memory block"


class EmbeddedPostgres:
    """A PostgreSQL that this process owns, together with its data directory, from `start` to `stop`."""

    def __init__(
        self,
        folder: DataFolder,
        *,
        lock: int,
        user: DatabaseUser,
        programs: Programs,
        address: ServerAddress,
        progress: Progress,
        disposable: bool,
    ) -> None:
        self.address = address
        self._folder = folder
        self._lock: int | None = lock
        self._user = user
        self._programs = programs
        self._progress = progress
        self._disposable = disposable
        self._process: ServerProcess | None = None

    @classmethod
    async def start(cls, data_dir: Path, *, pg_bin: Path | None, progress: Progress, disposable: bool = False) -> Self:
        """Return a server that answers queries; its cluster is created if there is none.

        Call it from the thread that lives as long as the server should. Crash recovery may take any time; `progress`
        receives its messages. A ``disposable`` server does not wait for the disk, so its cluster may not outlive the
        machine. Raise EmbeddedPostgresError if another process owns the folder or PostgreSQL can't run there.
        """
        with _clear_errors():
            refuse_unreachable(data_dir)
            folder = open_folder(data_dir)
            lock = await _lock_folder(folder)
            try:
                server = await cls._prepare(folder, lock, pg_bin, progress, disposable=disposable)
                await server.restart()
            except BaseException:
                os.close(lock)
                raise
            return server

    @classmethod
    async def _prepare(
        cls, folder: DataFolder, lock: int, pg_bin: Path | None, progress: Progress, *, disposable: bool
    ) -> Self:
        user = database_user(folder)
        programs = await find_programs(pg_bin, folder, user, progress)
        await sweep(folder)
        if not cluster_exists(folder, programs, user):
            if folder.unfinished_restore.is_dir():
                raise EmbeddedPostgresError(
                    f"A backup was being restored into {folder.path} and that did not end: run `waypost restore` again"
                )
            if user.name == NOBODY and not disposable:
                progress(
                    "PostgreSQL will run as nobody, which other services may use too. That is fine for a trial; on a"
                    f" server, first run `useradd --system --shell /usr/sbin/nologin {SYSTEM_USER}`"
                )
            progress(f"Creating a new database in {folder.cluster}")
            await make_cluster(folder, programs, user, disposable=disposable)
        password = read_small(folder.password_file)
        if not password:
            raise EmbeddedPostgresError(
                f"{folder.password_file} is missing: bring it back from the same backup as {folder.cluster}"
            )
        # Before the socket's folder: a server that is still stopping may use the one that is noted.
        await _predecessor_gone(folder, user, progress)
        address = ServerAddress(make_socket_folder(folder, user), password)
        return cls(
            folder,
            lock=lock,
            user=user,
            programs=programs,
            address=address,
            progress=progress,
            disposable=disposable,
        )

    @property
    def dsn(self) -> str:
        """The connection URL of the running server, including the password; it stays the same over restarts."""
        return self.address.dsn

    async def wait_ended(self) -> int:
        """Return the exit code, negative for a signal, once the server has ended for whatever reason."""
        if self._process is None:
            raise EmbeddedPostgresError("PostgreSQL is not running: start it first")
        return await self._process.wait()

    async def restart(self) -> None:
        """Restart the server after it ended, at the same address; it answers queries when this returns.

        The folder stays ours, even if this raises EmbeddedPostgresError: it may be called again.
        """
        with _clear_errors():
            while not await self._run_until_ready():
                self._progress("Processes of a killed PostgreSQL are still ending")
                await asyncio.sleep(_WAIT_SECONDS)

    def note_url(self, url: str) -> None:
        """Note in the data directory where Waypost listens, for commands beside it, until `stop`."""
        note_url(self._folder, url)

    async def stop(self) -> None:
        """Stop the server, rolling back open transactions, and release the data directory; may be called repeatedly."""
        if self._process is not None:
            await self._process.stop()
        if self._lock is not None:
            self._folder.url_note.unlink(missing_ok=True)
            drop_socket_folder(self._folder, self.address.socket_folder)
            os.close(self._lock)
            self._lock = None

    async def _run_until_ready(self) -> bool:
        """Return True for a server that responds, False if an earlier one's processes still hold the cluster."""
        if self._process is not None and self._process.running:
            return True
        await _predecessor_gone(self._folder, self._user, self._progress)
        remove_stale_files(self._folder, self.address.socket_folder)
        command = server_command(self._folder, self._programs, self.address.socket_folder, disposable=self._disposable)
        with closing(ServerLog(self._folder)) as log:
            # The backends of a disposable one may be stopped (`backups/slicing.py`): it does not wait for them to end.
            orphaned = signal.SIGQUIT if self._disposable else signal.SIGINT
            process = ServerProcess(
                command, folder=self._folder.path, user=self._user, log=log.descriptor, orphaned=orphaned
            )
            self._process = process
            try:
                await self._follow_startup(process, log)
            except BaseException:
                await process.stop()
                raise
            if process.running:
                return True
            reason = log.reason()
        if _OLD_BACKENDS in reason:
            return False
        raise EmbeddedPostgresError(f"PostgreSQL did not start: {reason} (see {log.path})")

    async def _follow_startup(self, process: ServerProcess, log: ServerLog) -> None:
        """Return once the server responds or has ended; there is no limit, since recovery takes the time it takes."""
        while process.running:
            for message in log.news():
                self._progress(f"PostgreSQL is starting: {message}")
            # Asked only when it says so itself: each earlier question would be a FATAL line in its log.
            noted = read_pid_file(self._folder)
            if noted is not None and noted.pid == process.pid and noted.ready:
                answer = await ask(self.address)
                if answer is ServerState.READY:
                    return
                if answer is ServerState.NO_DATABASE:
                    await make_database(self.address)
                if answer is ServerState.NOBODY:
                    await self._explain_silence(process)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _explain_silence(self, process: ServerProcess) -> None:
        await asyncio.sleep(_WAIT_SECONDS)  # it may have died just now, which others report better
        if process.running:
            raise EmbeddedPostgresError(
                f"The socket of PostgreSQL in {self.address.socket_folder} is gone: start again"
            )


def has_cluster(data_dir: Path) -> bool:
    """Return whether the data directory has a database, running or not. Raise EmbeddedPostgresError for a file."""
    with _clear_errors():
        folder = find_folder(data_dir)
        return folder is not None and folder.cluster.is_dir()


async def locate(data_dir: Path) -> ServerAddress | None:
    """Return the address of this data directory's server, None if nobody owns the directory and nothing responds.

    Waits while the directory has an owner whose server is still starting; raises EmbeddedPostgresError after half a
    minute.
    """
    with _clear_errors():
        folder = find_folder(data_dir)
        if folder is None:
            return None
        deadline = asyncio.get_running_loop().time() + _LOCATE_SECONDS
        while True:
            address = _known_address(folder)
            if address is not None and await ask(address) is ServerState.READY:
                return address
            if not is_locked(folder):
                return None
            if asyncio.get_running_loop().time() > deadline:
                raise EmbeddedPostgresError(
                    f"The PostgreSQL of {folder.path} does not respond yet: see {folder.log_file}"
                )
            await asyncio.sleep(_WAIT_SECONDS)


def _known_address(folder: DataFolder) -> ServerAddress | None:
    socket_folder = find_socket_folder(folder)
    password = read_small(folder.password_file)
    return ServerAddress(socket_folder, password) if socket_folder and password else None


async def _lock_folder(folder: DataFolder) -> int:
    for _ in range(_LOCK_TRIES):  # `locate` holds it for a moment when it looks
        lock = try_lock(folder)
        if lock is not None:
            return lock
        await asyncio.sleep(_LOOK_SECONDS)
    raise EmbeddedPostgresError(
        f"Another waypost is running on {folder.path}: stop it or choose another data directory"
    )


async def _predecessor_gone(folder: DataFolder, user: DatabaseUser, progress: Progress) -> None:
    """Return once no server of a dead owner works on the folder any more.

    It is not attached to: it got its death signal with its owner and would end under our hands, and its settings and
    programs may be older than ours. It is not signalled either: it isn't our child, so its number could be reused.
    """
    started = asyncio.get_running_loop().time()
    told = False
    while (pid := predecessor(folder, user)) is not None:
        if not told:
            progress(f"Waiting for the PostgreSQL of an earlier run to end (process {pid})")
            told = True
        address = _known_address(folder)
        if asyncio.get_running_loop().time() - started > _STUBBORN_SECONDS and address is not None:
            if await ask(address) is ServerState.READY:
                raise EmbeddedPostgresError(f"Another PostgreSQL (process {pid}) serves {folder.cluster}: stop it")
            started = asyncio.get_running_loop().time()
        await asyncio.sleep(_WAIT_SECONDS)


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedPostgresError(
            f"{error.filename or 'The data directory'} can't be used: {error.strerror}"
        ) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise EmbeddedPostgresError(f"PostgreSQL refused to prepare the database: {error}") from error
