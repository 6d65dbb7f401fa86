"""Limits repeated log lines: the first ones of a kind are logged, the others counted.

Otherwise a receiver that is down for 10,000 deliveries would cause 10,000 lines, and a stranger who guesses keys could
fill the disk. A kind consists of the lines of one event about one thing, such as one endpoint.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

LINES: Final = 10
"""The number of lines of a kind that are logged in a window."""

MOST_KINDS: Final = 1_000
"""With more kinds than this in a window, those of one event are merged: strangers choose the addresses they use."""

WINDOW_SECONDS: Final = 60.0
REPEATED: Final = "repeated"
"""The field of a summary line: how many lines there were in addition to those that were logged."""

THINGS: Final = (
    *("endpoint", "address", "connection", "carrier", "source", "part", "duty", "path", "command", "trouble"),
    *("outcome", "reason", "field"),
)
"""The fields that say what a line is about."""

_Kind = tuple[tuple[str, object], ...]


class Repeats:
    """A processor of structlog that passes ``LINES`` of a kind in a window and counts the others.

    ``tell`` gets the summary lines: their level, event and fields.
    """

    def __init__(self, tell: Callable[[str, EventDict], None], *, now: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._now = now
        self._ends = 0.0
        self._seen: dict[_Kind, int] = {}

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """Return the line, or raise DropEvent. Debug lines are never dropped."""
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
        """Report how many lines of each kind were dropped, and start counting again."""
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
        except RuntimeError:  # no loop is running: the next line, or the end of the process, reports it
            return

    def _end_if_over(self) -> None:
        if self._now() >= self._ends:
            self.end_window()

    def _kind(self, method: str, event: EventDict) -> _Kind:
        kind: _Kind = (("level", "error" if method == "exception" else method), ("event", event["event"]))
        things = tuple((name, event[name]) for name in THINGS if isinstance(event.get(name), str | int))
        return (*kind, *things) if len(self._seen) < MOST_KINDS or (*kind, *things) in self._seen else kind
