"""Dispatches in this process while there is little to send, and in processes of its own when there is work.

Nothing is handed over: what is accepted is in rows. The new place joins as any dispatcher does, and only when it works
does the old one leave, which ends its attempts in flight and frees what it has not begun. ``app/workload.py`` decides.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost import rest
from waypost.app.dispatching import DispatchProcesses
from waypost.app.hinting import Notifier
from waypost.app.sending import dispatcher_part, make_dispatcher
from waypost.app.supervisor import Part, keep_running
from waypost.app.watchdog import STALLS
from waypost.app.workload import INSIDE_SLOTS, MOST_IN_HAND, SendingLoad, Workload
from waypost.dispatch.measures import Measures, together
from waypost.rest import set_within, until_next_look
from waypost.settings import Settings
from waypost.store import dispatchers
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.outage import Outage

_LOG: Final = structlog.get_logger()
LOOK_SECONDS: Final = 2.0
AGAIN_SECONDS: Final = 0.25
"""When to look again if many deliveries are in hand: those of a moment are done by then."""
JOINS_IN_SECONDS: Final = 60.0
"""How long the new place may take until it dispatches; a process starts within a second on a free machine."""
JOIN_LOOK_SECONDS: Final = 0.1
LEAVE_SECONDS: Final = 35.0
"""How long attempts in flight may take after a move: longer than any, as nobody waits for it."""
STOP_SECONDS: Final = 20.0


class Place:
    """Where deliveries are dispatched: parts that start and stop together. ``measures`` says what they do."""

    def __init__(
        self, name: str, parts: Sequence[Part], measures: Callable[[], Awaitable[Measures]], outage: Outage
    ) -> None:
        self.name = name
        self.measures = measures
        self._parts = parts
        self._outage = outage
        self._stop = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the parts, after those of an earlier start have ended."""
        await self.ended()
        self._stop = stop = asyncio.Event()
        self._running = [asyncio.create_task(keep_running(part, stop, self._outage)) for part in self._parts]

    def stop(self) -> None:
        """Let the parts end; ``ended`` waits for that."""
        self._stop.set()

    async def ended(self, seconds: float | None = None) -> None:
        """Return when the parts have ended, after this time by force."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            await end(*late)


class Moves:
    """Keeps dispatching at one of two places, and moves when the workload asks for it.

    ``loads`` returns what was measured over this many seconds. ``crashed`` says whether a dispatcher died before this
    start: what it was sending could kill a process once more, so dispatching starts outside then.
    """

    def __init__(
        self,
        inside: Place,
        outside: Place,
        *,
        loads: Callable[[float], Awaitable[SendingLoad]],
        crashed: Callable[[], Awaitable[bool]],
    ) -> None:
        self._inside, self._outside = inside, outside
        self._loads = loads
        self._crashed = crashed
        self._press = asyncio.Event()

    def press(self) -> None:
        """Have the load measured now: it may have grown."""
        self._press.set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Dispatch until ``stop`` is set."""
        workload = Workload(at_rest=not await self._crashed())
        places = (self._inside, self._outside)
        here, there = places if workload.at_rest else places[::-1]
        try:
            await here.start()
            while await self._load_asks(workload, stop):
                if await self._move(here, there, stop):
                    here, there = there, here
                    workload.moved()
        finally:
            self._inside.stop()
            self._outside.stop()
            await asyncio.gather(self._inside.ended(STOP_SECONDS), self._outside.ended())

    async def _load_asks(self, workload: Workload, stop: asyncio.Event) -> bool:
        """Return when it is time to move: True, or False because of ``stop``."""
        began = time.monotonic()
        while not stop.is_set():
            if workload.piled_up:
                await set_within(stop, AGAIN_SECONDS)
            else:
                await until_next_look(stop, LOOK_SECONDS, also=self._press)
            self._press.clear()
            now = time.monotonic()
            load = await self._loads(now - began)
            began = now
            if not stop.is_set() and workload.should_move(load):
                return True
        return False

    async def _move(self, here: Place, there: Place, stop: asyncio.Event) -> bool:
        """Move to a place, and return whether it dispatches there; otherwise everything stays as it was."""
        await there.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(JOINS_IN_SECONDS):
                while not stop.is_set():
                    if (await there.measures()).running:
                        here.stop()
                        _LOG.info("dispatch_moved", to=there.name)
                        return True
                    await set_within(stop, JOIN_LOOK_SECONDS)
        if not stop.is_set():
            _LOG.error("dispatch_not_moved", to=there.name, seconds=JOINS_IN_SECONDS)
        there.stop()
        return False


class MovingDispatch:
    """The dispatching of ``serve`` and ``dispatch``, wherever it is at the moment."""

    def __init__(self, settings: Settings, database: Database, secret_key: str, *, alone: bool) -> None:
        self._database = database
        self._processes = DispatchProcesses(settings, alone=alone)
        self._others = Notifier(database)
        self._dispatcher = make_dispatcher(
            settings,
            database,
            secret_key,
            place=self._processes.place_inside,
            tell_others=self._tell_others,
            leave_to_others=self._press,
            slots=INSIDE_SLOTS,
            stop_seconds=LEAVE_SECONDS,
        )
        self._meter = _Meter()
        self._moves = Moves(
            Place("process", [self._part_inside(alone=alone)], self._measured_inside, database.outage),
            Place("processes", self._processes.parts(), self._processes.measures, database.outage),
            loads=self._load,
            crashed=self._crashed,
        )

    def _part_inside(self, *, alone: bool) -> Part:
        """Return the part that dispatches here. It hears the hints of commands, so nothing else looks often at rest."""
        part = dispatcher_part(self._dispatcher)
        serve = part.serve

        async def serve_alone(stop: asyncio.Event) -> None:
            with rest.alone():
                await serve(stop)

        return Part(part.name, serve_alone, part.is_unfinished) if alone else part

    def parts(self) -> list[Part]:
        """Return the parts that dispatch."""
        return [Part("dispatch", self._moves.serve), Part("hints", self._others.serve)]

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Hint that these endpoints have something due."""
        due = frozenset(endpoints)
        self._processes.hint(due)
        if self._dispatcher.is_serving:
            self._dispatcher.hint(due)
            if self._dispatcher.in_hand >= MOST_IN_HAND or self._dispatcher.is_behind:
                self._moves.press()

    def hint_by_hand(self) -> None:
        """Hint that a test or a resend is waiting."""
        self._processes.hint_by_hand()
        if self._dispatcher.is_serving:
            self._dispatcher.hint_by_hand()

    async def measures(self) -> Measures:
        """Return the measures of all of it together."""
        return together([self._dispatcher.measures(), await self._processes.measures()])

    def _tell_others(self, endpoints: Iterable[UUID]) -> None:
        """Pass on hints for others: to the processes by ``hint``, to those of other machines here."""
        self._processes.hint(due := frozenset(endpoints))
        if self._dispatcher.peers:
            self._others.hint(due)

    def _press(self) -> None:
        self._moves.press()

    async def _measured_inside(self) -> Measures:
        return self._dispatcher.measures()

    async def _crashed(self) -> bool:
        async with self._database.engine.acquire() as session:
            return (await dispatchers.count(session)).dead > 0

    async def _load(self, seconds: float) -> SendingLoad:
        load = self._meter.load(seconds, await self.measures(), self._dispatcher.in_hand)
        behind = self._dispatcher.is_serving and self._dispatcher.is_behind
        return msgspec.structs.replace(load, is_behind=behind)


class _Meter:
    """Remembers what was counted at the last load."""

    def __init__(self) -> None:
        self._worked, self._seconds = time.thread_time(), 0.0
        self._stalls = STALLS.busy
        self._attempts = 0

    def load(self, seconds: float, measures: Measures, in_hand: int) -> SendingLoad:
        """Return the load of the last ``seconds``; call it in the thread of the loop."""
        stalls, attempts = STALLS.busy, sum(measures.attempts.values())
        load = SendingLoad(
            seconds,
            loop=self._loop(seconds),
            stalls=stalls - self._stalls,
            in_hand=max(in_hand, measures.in_flight),
            attempts=attempts - self._attempts,
            suspects=measures.suspects,
        )
        self._stalls, self._attempts = stalls, attempts
        return load

    def _loop(self, seconds: float) -> float:
        """Return the part of a core that the loop used, once enough time has passed to tell."""
        self._seconds += seconds
        if self._seconds < LOOK_SECONDS:
            return 0.0
        before, self._worked = self._worked, time.thread_time()
        passed, self._seconds = self._seconds, 0.0
        return (self._worked - before) / passed
