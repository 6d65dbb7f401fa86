"""Ctrl-C and the signals that end a program, recorded and handled between steps, never within one."""

import signal
import time
from types import FrameType
from typing import Final

from examples.demo.failures import Stopped

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SLICE_SECONDS: Final = 0.1


class Signals:
    """The signals received since the demo started."""

    def __init__(self) -> None:
        self._first: int | None = None

    def listen(self) -> None:
        """Record signals from now on; only the first has an effect, because then the demo is ending."""
        for number in _ENDING:
            signal.signal(number, self._note)

    def check(self) -> None:
        """Raise Stopped if a signal was received."""
        if self._first is not None:
            raise Stopped(self._first)

    def pause(self, seconds: float) -> None:
        """Wait. Raise Stopped as soon as a signal is received."""
        until = time.monotonic() + seconds
        self.check()
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_SECONDS))
            self.check()

    def _note(self, number: int, _: FrameType | None) -> None:
        if self._first is None:
            self._first = number
