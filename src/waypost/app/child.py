"""A dispatcher in a separate process: ``python -P -m waypost.app.child PARENT ID NUMBER alone|shared``.

PARENT is its parent's process, ID that one's id, NUMBER which of its dispatchers this is: if a child finds a dead one
in the same place, it knows that its parent has outlived that one. The last word says whether the parent is the `serve`
that owns the PostgreSQL (``dispatchers.DispatcherSlot``). It reads its settings from the environment and the file, as
its parent does. Its standard input carries hints, one per line, and empty lines that ask for its measures; each of
those is answered by a line of JSON on standard output (``Measures``). SIGTERM drains it. It never outlives its parent:
the kernel kills it then, and the end of its input ends it.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

import msgspec
import uvloop

from waypost.app import memory
from waypost.app.hinting import Notifier
from waypost.app.sending import dispatcher_part, make_dispatcher, spare_the_collector
from waypost.app.signals import stop_signals
from waypost.app.storage import joined_storage, secret_key
from waypost.app.supervisor import Part, keep_running
from waypost.app.watchdog import STALLS, loop_watched
from waypost.dispatch.dispatcher import Dispatcher
from waypost.observe.logs import configure_logging
from waypost.settings import Settings, read_settings
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.hints import of_text
from waypost.store.statements import SENT

_PR_SET_PDEATHSIG = 1
ORPHAN = 3


def main(parent: int, place: DispatcherSlot) -> None:
    """Dispatch until SIGTERM, or as long as the parent lives."""
    _end_with(parent)
    send_in_the_background()
    memory.use_little()
    settings = read_settings({})
    configure_logging(settings.log_level, settings.log_format, process=f"dispatch-{place.number + 1}")
    uvloop.run(_run(settings, place))


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it died before it could be watched
        sys.exit(ORPHAN)


def send_in_the_background() -> None:
    """Take the processor from no one the moment a response arrives: with fewer switches a sixth more is delivered.

    On a loaded machine, intake, PostgreSQL and receivers keep the processor until the end of their turn (sched(7),
    SCHED_BATCH). If that is forbidden, it dispatches all the same.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


async def _run(settings: Settings, place: DispatcherSlot) -> None:
    with stop_signals() as stop:
        async with joined_storage(settings, "dispatch") as storage:
            key = await secret_key(settings, storage.database)
            others = Notifier(storage.database)

            def tell_others(endpoints: Iterable[UUID]) -> None:
                # The parent hinted those of the same `serve`. Deliveries that this one releases for others, after they
                # changed hands, are found by the next scout.
                if dispatcher.peers >= settings.dispatch_processes:
                    others.hint(endpoints)

            dispatcher = make_dispatcher(settings, storage.database, key, place=place, tell_others=tell_others)
            spare_the_collector()
            loop = asyncio.get_running_loop()
            answers, _ = await loop.connect_write_pipe(asyncio.Protocol, sys.stdout)
            await loop.connect_read_pipe(lambda: _Parent(dispatcher, answers), sys.stdin)
            parts = (dispatcher_part(dispatcher), Part("hints", others.serve))
            with loop_watched():
                await asyncio.gather(*(keep_running(part, stop, storage.database.outage) for part in parts))


class _Parent(asyncio.Protocol):
    """Yield the parent's lines."""

    def __init__(self, dispatcher: Dispatcher, answers: asyncio.WriteTransport) -> None:
        self._dispatcher = dispatcher
        self._answers = answers
        self._read = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._read = (self._read + data).split(b"\n")
        for line in lines:
            if line:
                hint = of_text(line.decode())
                self._dispatcher.hint(hint.endpoints)  # which hints other dispatchers about their own
                if hint.by_hand:
                    self._dispatcher.hint_by_hand()
            else:
                measures = msgspec.structs.replace(
                    self._dispatcher.measures(),
                    statements=dict(SENT),
                    stalls=STALLS.count,
                    longest_stall=STALLS.longest,
                    busiest_stall=STALLS.busiest,
                )
                self._answers.write(msgspec.json.encode(measures) + b"\n")

    def connection_lost(self, _error: Exception | None) -> None:
        """Exit at once: without its parent nothing here is of use, nor could it be recorded."""
        os._exit(ORPHAN)


if __name__ == "__main__":
    main(int(sys.argv[1]), DispatcherSlot(UUID(sys.argv[2]), int(sys.argv[3]), alone=sys.argv[4] == "alone"))
