"""Lines that say the same again and again: the first of them are logged, the others counted.

A receiver that is down for 10,000 deliveries would be 10,000 lines otherwise, and a stranger who guesses keys could
fill the disk. Lines of a kind are those of one event about one thing, such as one endpoint.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

LINES: Final = 10
"""So many lines of a kind are logged in a window."""

MOST_KINDS: Final = 1_000
"""Of more kinds in a window, those of one event are one kind: strangers choose the addresses that they come from."""

WINDOW_SECONDS: Final = 60.0
REPEATED: Final = "repeated"
"""The field of a line that stands for others: how many there were besides those that were logged."""

THINGS: Final = (
    *("endpoint", "address", "connection", "carrier", "source", "part", "duty", "path", "command", "trouble"),
    *("outcome", "reason", "field"),
)
"""The fields that say what a line is about."""

_Kind = tuple[tuple[str, object], ...]


class Repeats:
    """A processor of structlog that lets ``LINES`` of a kind through in a window and drops the others, counted.

    ``tell`` gets the lines that say how many there were: their level, event and fields.
    """

    def __init__(self, tell: Callable[[str, EventDict], None], *, now: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now = now
        self._ends = 0.0
        self._seen: dict[_Kind, int] = {}

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the line, or raise DropEvent. Lines for the search of faults (debug) are all let through."""
        if method == "debug" or REPEATED in event:
            return event
        if self._now() >= self._ends:
            self.end_window()
            self._begin_window()
        kind = self._kind(method, event)
        self._seen[kind] = count = self._seen.get(kind, 0) + 1
        if count > LINES:
            raise structlog.DropEvent
        return event

    def end_window(self) -> None:
        """Tell of each kind how many lines were dropped, and begin to count anew."""
        seen, self._seen = self._seen, {}
        for kind, count in seen.items():
            if count > LINES:
                fields: dict[str, Any] = dict(kind)
                level = str(fields.pop("level"))
                self._tell(level, {**fields, REPEATED: count - LINES})

    def _begin_window(self) -> None:
        self._ends = self._now() + WINDOW_SECONDS
        try:
            asyncio.get_running_loop().call_later(WINDOW_SECONDS, self._end_if_over)
        except RuntimeError:  # no loop runs here: the next line, or the end of the process, tells it
            return

    def _end_if_over(self) -> None:
        if self._now() >= self._ends:
            self.end_window()

    def _kind(self, method: str, event: EventDict) -> _Kind:
        kind: _Kind = (("level", "error" if method == "exception" else method), ("event", event["event"]))
        things = tuple((name, event[name]) for name in THINGS if isinstance(event.get(name), str | int))
        return (*kind, *things) if len(self._seen) < MOST_KINDS or (*kind, *things) in self._seen else kind
