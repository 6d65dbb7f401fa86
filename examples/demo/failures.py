"""What ends the demo early.

DemoFailed          one sentence says what is wrong and what to do
├─ ChildEnded       a program of the demo ended by itself; brings its last log lines
└─ Unreachable      a program of the demo did not answer; it may not be up yet, or just have ended
Stopped             a person or the system asked the demo to end
"""


class DemoFailed(Exception):
    """The demo cannot go on; the text is for the person who started it."""


class ChildEnded(DemoFailed):
    """A program of the demo ended though nobody asked it to."""


class Unreachable(DemoFailed):
    """No answer came over a connection to one of the demo's programs."""


class Stopped(Exception):
    """Ctrl-C or a signal to end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number
