"""The dispatch process of ``waypost serve``, seen from its parent: started, told what is due, asked, ended."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Iterable
from typing import Final
from uuid import UUID, uuid4

import msgspec
import structlog

from waypost.dispatch.measures import Measures
from waypost.settings import Settings, variable
from waypost.store.hints import Hint

_LOG: Final = structlog.get_logger()
STOP_SECONDS: Final = 25.0
"""What is in flight may take 20 s to end; after that it is killed."""

ANSWER_SECONDS: Final = 2.0
MOST_UNREAD_BYTES: Final = 1 << 16
"""Hints that a process which does not listen has not read yet; it finds the others by looking."""

_COMMAND: Final = (sys.executable, "-P", "-m", "waypost.app.child")


class DispatchProcess:
    """Runs the process while ``serve`` does; whoever supervises it starts it again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._name = uuid4()
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[asyncio.Future[Measures | None]] = deque()

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Say that these endpoints have something due."""
        if due := frozenset(endpoints):
            self._write(Hint(due).to_text())

    def hint_by_hand(self) -> None:
        """Say that a test or a resend waits."""
        self._write(Hint(by_hand=True).to_text())

    async def measures(self) -> Measures | None:
        """Give how it does; None when it does not run or does not answer."""
        if not self._write(""):
            return None
        answer: asyncio.Future[Measures | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        done, _ = await asyncio.wait([answer], timeout=ANSWER_SECONDS)
        return answer.result() if done else None

    async def serve(self, stop: asyncio.Event) -> None:
        """Run the process until ``stop`` is set, then drain it; returns also when it ended by itself."""
        self._process = process = await asyncio.create_subprocess_exec(
            *(*_COMMAND, str(os.getpid()), str(self._name)),
            env=self._environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        reading = asyncio.create_task(self._read(process))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([reading, stopping], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set() and process.returncode is None:
                process.terminate()
                await asyncio.wait([reading], timeout=STOP_SECONDS)
        finally:
            self._process = None
            stopping.cancel()
            if not reading.done():
                process.kill()
            await reading
            code = await process.wait()
            while self._asked:
                self._asked.popleft().set_result(None)
        # While it starts it has nothing to drain yet, and just ends by the signal.
        if not stop.is_set() or code not in (0, -signal.SIGTERM):
            _LOG.error("dispatch_process_ended", exit_code=code)

    def _environment(self) -> dict[str, str]:
        """Hand on what may have come by an option; the other settings it finds where we found them."""
        chosen = {variable("data_dir"): str(self._settings.data_dir)}
        if self._settings.database_url is not None:
            chosen[variable("database_url")] = self._settings.database_url.get_secret_value()
        return dict(os.environ) | chosen

    def _write(self, line: str) -> bool:
        stdin = None if self._process is None else self._process.stdin
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            return False
        stdin.write(line.encode() + b"\n")
        return True

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand answers to who asked, in their order, until the process has ended."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        while line := await process.stdout.readline():
            if self._asked:
                self._asked.popleft().set_result(msgspec.json.decode(line, type=Measures))
