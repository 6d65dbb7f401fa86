"""The processes that run karrio: each answers one question at a time, and is killed when it takes too long.

A process that was killed, crashed or broke its limits is replaced by the next question. One that can't be started is
not started again for a minute, so that a broken environment costs no more than a sentence.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from waypost.domain.carriers import CarrierUnavailable

WORKER: Final = Path(__file__).with_name("worker.py")
START_SECONDS: Final = 60.0
SLACK_SECONDS: Final = 2.0
"""What a process has beyond the time limit of a question, to give its answer after the last call has failed."""

MEMORY_BYTES: Final = 1 << 30
CPU_SECONDS: Final = 10
"""How much processor time a question may take."""

MOST_QUESTIONS: Final = 1_000
"""After this many a process is replaced."""

MOST_STARTS: Final = 5
STARTS_SECONDS: Final = 60.0
LONGEST_LINE: Final = 8 << 20
MOST_CALLS: Final = 16
"""The requests that one question may lead to: a token, an answer, and more than any carrier needs."""


class KarrioEvent(msgspec.Struct, frozen=True):
    """A scan as karrio reports it; its ``timestamp`` ends in ``Z`` whatever the zone."""

    date: str | None = None
    time: str | None = None
    timestamp: str | None = None
    code: str | None = None
    description: str | None = None
    location: str | None = None
    status: str | None = None


class Detail(msgspec.Struct, frozen=True):
    """A parcel as karrio reports it."""

    tracking_number: str | None = None
    estimated_delivery: str | None = None
    signed_by: str | None = None
    events: tuple[KarrioEvent, ...] = ()


class KarrioMessage(msgspec.Struct, frozen=True):
    """What karrio reports instead of a parcel, mostly in the carrier's words."""

    code: str | None = None
    message: str | None = None


class KarrioCall(msgspec.Struct, frozen=True):
    """A request that karrio wants to make; ``body`` is in base64 on the pipe."""

    call: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """The answer to a call for karrio, or why there is none."""

    call: int
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failed: str | None = None


class Told(msgspec.Struct, frozen=True):
    """What karrio made of a number; ``reused`` says that it used a token that it had already.

    ``unopened`` is why it could not even begin: its package for the carrier is missing, or rejects the credentials.
    """

    ask: int
    details: tuple[Detail, ...] = ()
    messages: tuple[KarrioMessage, ...] = ()
    raised: str | None = None
    unopened: str | None = None
    reused: bool = False


class Question(msgspec.Struct, frozen=True):
    """What karrio is asked; ``fresh`` makes it forget the tokens of these credentials."""

    carrier: str
    number: str
    credentials: dict[str, str]
    fresh: bool = False


class _Asked(msgspec.Struct, frozen=True):
    ask: int
    carrier: str
    number: str
    credentials: dict[str, str]
    fresh: bool


class _Greeting(msgspec.Struct, frozen=True):
    ready: bool = False
    failed: str | None = None


class _Line(msgspec.Struct, frozen=True):
    call: int | None = None


_Read = TypeVar("_Read")
Fetch = Callable[[KarrioCall], Awaitable[Response]]
"""Makes a request of karrio's."""


class KarrioProcess:
    """A running process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._asked = 0
        self._ran_out = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def is_worn(self) -> bool:
        """Whether it should be replaced: it may have leaked memory until nothing is left of what it may use."""
        return self._asked >= MOST_QUESTIONS or self._ran_out

    async def greet(self) -> None:
        """Wait until karrio is imported. Raise CarrierUnavailable if it can't be."""
        greeting = _decode(await self._read_line(), _Greeting)
        if greeting.failed is not None:
            raise CarrierUnavailable(f"karrio can't be imported by WAYPOST_KARRIO_PYTHON: {greeting.failed[:300]}")
        if not greeting.ready:
            raise CarrierUnavailable("karrio's process did not say that it is ready")

    async def ask(self, question: Question, fetch: Fetch) -> Told:
        """Return what karrio made of a question, making its calls meanwhile. Raise CarrierUnavailable."""
        self._asked += 1
        await self._write(_Asked(self._asked, *msgspec.structs.astuple(question)))
        for _ in range(MOST_CALLS + 1):
            line = await self._read_line()
            if _decode(line, _Line).call is None:
                told = _decode(line, Told)
                if told.ask != self._asked:
                    raise CarrierUnavailable("karrio's process answered another question")
                self._ran_out = (told.raised or "").startswith("MemoryError")
                return told
            await self._write(await fetch(_decode(line, KarrioCall)))
        raise CarrierUnavailable(f"karrio wanted to make more than {MOST_CALLS} requests for one parcel")

    async def kill(self) -> None:
        """End it, and wait until it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _write(self, line: msgspec.Struct) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was started with a pipe
        try:
            self._process.stdin.write(msgspec.json.encode(line) + b"\n")
            await self._process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError, RuntimeError):
            raise await self._ended() from None

    async def _read_line(self) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        try:
            line = await self._process.stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise await self._ended() from None
        except asyncio.LimitOverrunError:
            raise CarrierUnavailable(f"karrio's response is longer than {LONGEST_LINE:,} bytes") from None
        return line

    async def _ended(self) -> CarrierUnavailable:
        code = await self._process.wait()
        how = f"with status {code}" if code >= 0 else f"by signal {-code}"
        return CarrierUnavailable(f"karrio's process ended unexpectedly ({how})")


class KarrioProcesses:
    """Keeps idle processes of an interpreter; how many there may be at once is its callers' business."""

    def __init__(
        self,
        python: Path,
        *,
        worker: Path = WORKER,
        slack_seconds: float = SLACK_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._python = python
        self._worker = worker
        self._slack_seconds = slack_seconds
        self._now = now
        self._idle: list[KarrioProcess] = []
        self._starts: list[float] = []
        self._failed: tuple[float, str] | None = None
        self._folder: Path | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def starts(self) -> int:
        """How many processes were started within the last minute."""
        return len(self._starts)

    @property
    def pids(self) -> list[int]:
        """The ids of the idle processes."""
        return [one.pid for one in self._idle]

    async def ask(self, question: Question, fetch: Fetch, *, seconds: float) -> Told:
        """Return what karrio made of a question. Raise CarrierUnavailable, also when it takes too long.

        The time limit begins when a process is ready, since a first one takes seconds to start.
        """
        self._idle = [one for one in self._idle if one.runs]  # the machine may have run out of memory meanwhile
        process = self._idle.pop() if self._idle else await self._started()
        try:
            async with asyncio.timeout(seconds + self._slack_seconds):
                told = await process.ask(question, fetch)
        except TimeoutError:
            self._end(process)
            raise CarrierUnavailable(f"karrio did not finish within {seconds:g} s, and its process was ended") from None
        except BaseException:
            self._end(process)
            raise
        if process.is_worn:
            self._end(process)
        else:
            self._idle.append(process)
        return told

    async def check(self) -> None:
        """Start a process. Raise CarrierUnavailable if that is not possible."""
        self._idle.append(await self._started())

    async def close(self) -> None:
        """End all processes."""
        for process in self._idle:
            self._end(process)
        self._idle.clear()
        await asyncio.gather(*self._ending)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    async def _started(self) -> KarrioProcess:
        """Start a process; if its caller gives up meanwhile, it becomes an idle one."""
        starting = asyncio.ensure_future(self._start())
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._keep)
            raise

    def _keep(self, starting: "asyncio.Future[KarrioProcess]") -> None:
        if not starting.cancelled() and starting.exception() is None:
            self._idle.append(starting.result())

    async def _start(self) -> KarrioProcess:
        at = self._now()
        if self._failed is not None and at - self._failed[0] < STARTS_SECONDS:
            raise CarrierUnavailable(self._failed[1])
        self._starts = [one for one in self._starts if at - one < STARTS_SECONDS]
        if len(self._starts) >= MOST_STARTS:
            raise CarrierUnavailable(f"karrio's process ended {MOST_STARTS} times within a minute; it is started later")
        self._starts.append(at)
        self._failed = None
        try:
            return await self._make()
        except CarrierUnavailable as error:
            self._failed = at, str(error)
            raise

    async def _make(self) -> KarrioProcess:
        process = KarrioProcess(await self._spawn())
        try:
            async with asyncio.timeout(START_SECONDS):
                await process.greet()
        except TimeoutError:
            await process.kill()
            raise CarrierUnavailable(f"karrio was not imported within {START_SECONDS:g} s") from None
        except BaseException:
            self._end(process)
            raise
        return process

    async def _spawn(self) -> asyncio.subprocess.Process:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="waypost-karrio-"))  # empty: karrio loads ./plugins
        arguments = ("-I", "-B", str(self._worker), str(MEMORY_BYTES), str(CPU_SECONDS))
        try:
            return await asyncio.create_subprocess_exec(
                str(self._python),
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # karrio logs every URL, with the number in it
                cwd=self._folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self._folder)},
                start_new_session=True,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise CarrierUnavailable(f"WAYPOST_KARRIO_PYTHON can't be run: {reason}") from None

    def _end(self, process: KarrioProcess) -> None:
        """End a process without waiting: whoever asked may have been cancelled."""
        ending = asyncio.ensure_future(process.kill())
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _decode(line: bytes, kind: type[_Read]) -> _Read:
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.MsgspecError as error:
        raise CarrierUnavailable(f"karrio's process wrote what is not understood: {error}") from None
