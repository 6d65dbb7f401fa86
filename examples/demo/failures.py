"""Exceptions that end the demo early.

DemoFailed          one sentence says what is wrong and what to do
├─ ChildEnded       a program of the demo ended unexpectedly; has its last log lines
└─ Unreachable      a program of the demo did not respond; it may not be ready yet, or have just ended
Stopped             a person or the system stopped the demo
"""


class DemoFailed(Exception):
    """The demo can't continue; the text is for the person who started it."""


class ChildEnded(DemoFailed):
    """A program of the demo ended unexpectedly."""


class Unreachable(DemoFailed):
    """A program of the demo did not respond."""


class Stopped(Exception):
    """Ctrl-C or a signal was received."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number
