"""Runs PostgreSQL's programs: in a clean environment, as the database's user, in a session of their own."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from waypost.processor_share import give_way
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import DatabaseUser

Read = TypeVar("Read")
_LAUNCHER = Path(__file__).with_name("child.py")
# Nothing is inherited: LD_PRELOAD and PG* variables of the caller must not reach the server.
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
NOTHING_MORE: Final[Mapping[str, str]] = MappingProxyType({})
# Fast shutdown, then an immediate one (crash recovery follows at the next start), then SIGKILL.
_CLEANING_SECONDS: Final = 10.0
_STOPPING: Final = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, None))


def _launch(
    command: Sequence[str | Path],
    *,
    folder: Path,
    user: DatabaseUser,
    output: int,
    environment: Mapping[str, str],
    errors: int = subprocess.STDOUT,
    orphaned: signal.Signals = signal.SIGINT,
    session: int | None = None,
) -> subprocess.Popen[str]:
    # Linux sends the death signal when the starting *thread* ends: never call this from a pool's worker.
    place = [str(os.getpid()), str(int(orphaned)), str(user.uid), str(user.gid), str(folder)]
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), *place]
    process = subprocess.Popen(  # noqa: S603 - every part is ours or the operator's
        [*launcher, *(str(part) for part in command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        env={**_ENVIRONMENT, **environment},
        start_new_session=True,
        umask=0o077,
        text=True,
        errors="replace",
    )
    if niceness := max(0, os.getpriority(os.PRIO_PROCESS, 0)):  # which it has, too, but its session has not
        give_way(niceness, process.pid, session=session)
    return process


async def run_program(
    command: Sequence[str | Path],
    *,
    folder: Path,
    user: DatabaseUser,
    environment: Mapping[str, str] = NOTHING_MORE,
) -> str:
    """Return what a program printed; ``environment`` is added to its clean one.

    Raise EmbeddedPostgresError with its last line if it fails. If this is cancelled, the program may clean up first.
    """
    process = _launch(command, folder=folder, user=user, output=subprocess.PIPE, environment=environment)
    with _ending(process):
        printed, _ = await asyncio.to_thread(process.communicate)
    _check(process, command, printed)
    return printed


async def read_program(
    command: Sequence[str | Path],
    read: Callable[[int], Read],
    *,
    folder: Path,
    user: DatabaseUser,
    environment: Mapping[str, str] = NOTHING_MORE,
    session: int | None = None,
) -> Read:
    """Return what ``read`` makes of a program's output; it is called in a thread with a pipe, and reads to its end.

    If this process gives way, ``session`` is the niceness of the program's session. Raise what it raises, which ends
    the program, and EmbeddedPostgresError as ``run_program`` does.
    """
    process = _launch(
        command,
        folder=folder,
        user=user,
        output=subprocess.PIPE,
        environment=environment,
        errors=subprocess.PIPE,
        session=session,
    )
    with _ending(process):
        made, printed = await asyncio.to_thread(_read_all, process, read)
    _check(process, command, printed)
    return made


def _read_all(process: subprocess.Popen[str], read: Callable[[int], Read]) -> tuple[Read, str]:
    """Return what ``read`` makes of the output, and what was printed as an error, once the process has ended."""
    assert process.stdout is not None  # noqa: S101 - both are pipes
    assert process.stderr is not None  # noqa: S101
    errors = process.stderr
    with process.stdout as output, errors, ThreadPoolExecutor(1) as beside:
        printed = beside.submit(errors.read)
        try:
            made = read(output.fileno())
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        return made, printed.result()


@contextlib.contextmanager
def _ending(process: subprocess.Popen[str]) -> Iterator[None]:
    """End the process if the block is left with an error."""
    try:
        yield
    except BaseException:
        # The thread waits for its end, and the loop for the thread when it is closed.
        process.send_signal(signal.SIGINT)
        killing = threading.Timer(_CLEANING_SECONDS, process.kill)
        killing.daemon = True
        killing.start()
        raise


def _check(process: subprocess.Popen[str], command: Sequence[str | Path], printed: str) -> None:
    """Raise EmbeddedPostgresError with the reason in what a program printed if it failed."""
    if process.returncode != 0:
        lines = [line for line in printed.splitlines() if line.strip()] or ["it printed nothing"]
        failure = next((line for line in lines if "error:" in line or "FATAL:" in line), lines[-1])
        raise EmbeddedPostgresError(f"{Path(command[0]).name} failed: {failure.strip()}")


class ServerProcess:
    """A running `postgres` that is our own child; on Linux it ends with the thread that made it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        user: DatabaseUser,
        log: int,
        orphaned: signal.Signals = signal.SIGINT,
    ) -> None:
        """Start it; ``orphaned`` is the signal that it gets when its parent dies."""
        self._process = _launch(
            command, folder=folder, user=user, output=log, environment=NOTHING_MORE, orphaned=orphaned
        )
        self._ended = asyncio.Event()
        # A thread of its own: with a worker of the loop's pool, closing the loop would wait for the server.
        threading.Thread(target=self._watch, args=[asyncio.get_running_loop()], daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id, which is also the one in the server's pid file."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self._ended.is_set()

    async def wait(self) -> int:
        """Return the exit code, negative for a signal, once the process has ended."""
        await self._ended.wait()
        return self._process.returncode

    async def stop(self) -> None:
        """Return once the process has ended: it is asked to stop, and forced to when that takes too long."""
        for number, seconds in _STOPPING:
            self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.wait()
                    return

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self._ended.set)
