"""Detects when something blocks the event loop: counts stalls for the metrics and logs what ran.

The loop leaves a beat every 20 ms, and every 100 ms while it does next to nothing. When a beat is overdue, a thread
looks at what the loop's thread is doing, and the log line names that. This costs 50 short callbacks a second and about
ten looks. At rest (``rest.py``) there is a beat a second, which finds half of what stalls the loop for half a second;
whatever comes in begins with a beat, so that nothing of a request is missed.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

import structlog

from waypost.rest import is_resting, woken_by_stir

_LOG: Final = structlog.get_logger()
BEAT_SECONDS: Final = 0.02
REST_BEAT_SECONDS: Final = 0.1
"""Not longer than a stall, so that a beat is due in each."""
REST_WORK: Final = 0.02
"""The part of a core below which the loop does next to nothing."""
SLEEP_BEAT_SECONDS: Final = 1.0
STALL_SECONDS: Final = 0.1
LOOK_SECONDS: Final = 0.08
"""How long after a beat the thread looks: whatever stalls the loop is still running then."""
QUIET_SECONDS: Final = 10.0
"""The minimum interval between log lines; the metrics count every stall."""
MOST_FRAMES: Final = 4
_PACKAGE: Final = "waypost."


@dataclass(slots=True)
class Stalls:
    """The stalls of this process's loop since its start: how many above 100 ms, and the longest in seconds.

    ``busy`` of them were mostly work. ``busiest`` is the most processor time of a stall: without the time in which the
    machine ran something else.
    """

    count: int = 0
    busy: int = 0
    longest: float = 0.0
    busiest: float = 0.0


STALLS: Final = Stalls()


@contextmanager
def loop_watched(stalls: Stalls = STALLS) -> Iterator[None]:
    """Watch the running loop for the duration of the block."""
    watchdog = _Watchdog(asyncio.get_running_loop(), stalls)
    watchdog.start()
    try:
        with woken_by_stir(watchdog.wake):
            yield
    finally:
        watchdog.stop()


class _Watchdog:
    def __init__(self, loop: asyncio.AbstractEventLoop, stalls: Stalls) -> None:
        self._loop = loop
        self._stalls = stalls
        self._beaten = time.monotonic()
        self._worked = time.thread_time()
        self._pause = BEAT_SECONDS
        self._quiet_until = 0.0
        self._ran: list[str] = []
        self._ended, self._woken = False, threading.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._look, args=(threading.get_ident(),), daemon=True, name="watchdog")

    def start(self) -> None:
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._woken.set()
        if self._timer is not None:
            self._timer.cancel()
        self._thread.join()

    def wake(self) -> None:
        """Beat now if the next beat is far, because something came in."""
        if self._pause == SLEEP_BEAT_SECONDS:
            if self._timer is not None:
                self._timer.cancel()
            self._beat()
            self._woken.set()  # the thread, too, has to look soon

    def _beat(self) -> None:
        now, all_work = time.monotonic(), time.thread_time()
        work, late = all_work - self._worked, now - self._beaten - self._pause
        # With few beats, most of what a stall took of the time before this beat was due is its work.
        stall = late if late < BEAT_SECONDS else max(late, min(work, late + self._pause - BEAT_SECONDS))
        self._stalls.longest = max(self._stalls.longest, stall)
        self._stalls.busiest = max(self._stalls.busiest, min(stall, work))
        if stall >= STALL_SECONDS:
            self._stalls.count += 1
            self._stalls.busy += work >= stall / 2
            self._tell(now, stall, work)
        if work >= REST_WORK * self._pause:
            self._pause = BEAT_SECONDS
        else:
            self._pause = SLEEP_BEAT_SECONDS if is_resting() else REST_BEAT_SECONDS
        self._beaten, self._worked, self._ran = now, all_work, []
        self._timer = self._loop.call_later(self._pause, self._beat)

    def _tell(self, now: float, stall: float, worked: float) -> None:
        """Log a stall. If little work was done in it, the machine had no processor for this process."""
        if now < self._quiet_until:
            return
        self._quiet_until = now + QUIET_SECONDS
        _LOG.warning("loop_stalled", milliseconds=_ms(stall), processor_milliseconds=_ms(worked), ran=self._ran)

    def _look(self, loop_thread: int) -> None:
        seen = 0.0
        while True:
            beaten = self._beaten
            overdue = beaten + self._pause + LOOK_SECONDS - BEAT_SECONDS - time.monotonic()
            if overdue <= 0 and beaten != seen:
                seen = beaten
                # The documented way to see what another thread does, despite the underscore.
                ran = _frames_of(sys._current_frames().get(loop_thread))  # noqa: SLF001 - the only way to see what a thread runs
                if self._beaten == beaten:
                    self._ran = ran
            if self._woken.wait(max(overdue, BEAT_SECONDS)):
                if self._ended:
                    return
                self._woken.clear()


def _frames_of(frame: FrameType | None) -> list[str]:
    """Return the running functions of ours, innermost first, as ``module.function:line``."""
    found: list[str] = []
    while frame is not None and len(found) < MOST_FRAMES:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(_PACKAGE):
            found.append(f"{module}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return found


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
