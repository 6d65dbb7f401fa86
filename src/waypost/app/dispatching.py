"""The dispatch processes of ``serve`` and ``dispatch``, as their parent starts, hints, measures and stops them."""

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

from waypost.app.supervisor import Part
from waypost.dispatch.measures import STILL, Measures, still, together
from waypost.rest import set_within
from waypost.settings import Settings, given_by_option
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.hints import Hint

_LOG: Final = structlog.get_logger()
STOP_SECONDS: Final = 25.0
"""Attempts in flight may take 20 s to end; after that the process is killed."""

ANSWER_SECONDS: Final = 2.0
MOST_UNREAD_BYTES: Final = 1 << 16
"""The maximum hints that a process has not read yet; it finds the rest by scouting."""

HEAD_START_SECONDS: Final = 1.0
"""The head start of the first process, so that deliveries begin as soon as with a single one."""

_COMMAND: Final = (sys.executable, "-P", "-m", "waypost.app.child")


class DispatchProcesses:
    """The processes that the settings ask for, which share the endpoints; each receives all hints.

    ``alone``: this is the `serve` that owns the PostgreSQL.
    """

    def __init__(self, settings: Settings, *, alone: bool) -> None:
        parent, numbers = uuid4(), range(settings.dispatch_processes)
        self.place_inside = DispatcherSlot(parent, settings.dispatch_processes, alone)
        """The place of a dispatcher in the parent itself."""
        self._processes = [DispatchProcess(settings, DispatcherSlot(parent, number, alone)) for number in numbers]

    def parts(self) -> list[Part]:
        """Return the parts that run them."""
        names = ["dispatch", *(f"dispatch-{number}" for number in range(2, len(self._processes) + 1))]
        return [Part(name, process.serve) for name, process in zip(names, self._processes, strict=True)]

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Hint that these endpoints have something due."""
        due = frozenset(endpoints)
        for process in self._processes:
            process.hint(due)

    def hint_by_hand(self) -> None:
        """Hint that a test or a resend is waiting."""
        for process in self._processes:
            process.hint_by_hand()

    async def measures(self) -> Measures:
        """Return the measures of all of them together."""
        return together(await asyncio.gather(*(process.measures() for process in self._processes)))


class DispatchProcess:
    """Runs one process as long as its parent lives; its supervisor restarts it."""

    def __init__(self, settings: Settings, place: DispatcherSlot) -> None:
        self._settings = settings
        self._place = place
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[asyncio.Future[Measures | None]] = deque()
        self._latest = self._ended = STILL

    def hint(self, due: frozenset[UUID]) -> None:
        """Hint that these endpoints have something due."""
        if due:
            self._write(Hint(due).to_text())

    def hint_by_hand(self) -> None:
        """Hint that a test or a resend is waiting."""
        self._write(Hint(by_hand=True).to_text())

    async def measures(self) -> Measures:
        """Return its measures. Its counts continue after a restart, otherwise the totals would drop."""
        if answer := await self._ask():
            self._latest = answer
        return together([self._ended, answer or still(self._latest)])

    async def _ask(self) -> Measures | None:
        if not self._write(""):
            return None
        answer: asyncio.Future[Measures | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        done, _ = await asyncio.wait([answer], timeout=ANSWER_SECONDS)
        return answer.result() if done else None

    async def serve(self, stop: asyncio.Event) -> None:
        """Run the process until ``stop`` is set, then drain it; also returns if the process ended on its own."""
        if self._place.number and await set_within(stop, HEAD_START_SECONDS):
            return
        self._process = process = await asyncio.create_subprocess_exec(
            *(*_COMMAND, str(os.getpid()), str(self._place.parent), str(self._place.number)),
            "alone" if self._place.alone else "shared",
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
            self._ended, self._latest = together([self._ended, still(self._latest)]), STILL
            while self._asked:
                self._asked.popleft().set_result(None)
        # While it starts it has nothing to drain, and the signal just ends it.
        if not stop.is_set() or code not in (0, -signal.SIGTERM):
            _LOG.error("dispatch_process_ended", exit_code=code)

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | given_by_option(self._settings)

    def _write(self, line: str) -> bool:
        stdin = None if self._process is None else self._process.stdin
        if stdin is None or stdin.is_closing() or stdin.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            return False
        stdin.write(line.encode() + b"\n")
        return True

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Pass answers to the askers in order, until the process has ended."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        while line := await process.stdout.readline():
            if self._asked:
                self._asked.popleft().set_result(msgspec.json.decode(line, type=Measures))
