"""Limits how long something may take that is nearly always quick, with one timer for all that is going on."""

import asyncio
from types import TracebackType
from typing import Final

_LATE: Final = float("-inf")


class TimeLimit:
    """Ends what takes longer than some seconds, one thing per task: ``with limit:`` raises TimeoutError then.

    ``asyncio.timeout`` would give each its own timer, which takes a fifth of the processor time of a POST. All tasks
    are of one event loop.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}  # in the order in which they began
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it is a system call on Python 3.11
        self._watched = False

    def __enter__(self) -> None:
        """Begin."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        self._since[_task(loop)] = loop.time()
        if not self._watched:
            self._watch(loop, self._seconds)

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None) -> None:
        """End. Raise TimeoutError if it was cancelled for taking too long, and by nobody else."""
        assert self._loop is not None  # noqa: S101 - it has begun
        task = _task(self._loop)
        since = self._since.pop(task)
        if since == _LATE and not task.uncancel() and kind is asyncio.CancelledError:
            raise TimeoutError

    def _watch(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        # Never cancelled: a timer that fires every two seconds under load costs nothing, but setting one does.
        self._watched = True
        loop.call_later(seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what has taken too long, and look again when the next may have."""
        self._watched = False
        began = loop.time() - self._seconds
        for task, since in list(self._since.items()):
            if since > began:
                self._watch(loop, since - began)
                break
            if since != _LATE:
                self._since[task] = _LATE
                task.cancel()


def _task(loop: asyncio.AbstractEventLoop) -> asyncio.Task[object]:
    task = asyncio.current_task(loop)
    assert task is not None  # noqa: S101 - coroutines run in tasks
    return task
