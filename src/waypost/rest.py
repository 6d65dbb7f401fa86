"""Looks less often while nothing happens: parts that look for work every second do so every few seconds at rest.

An event loop is at rest when nothing has come in for ``RESTS_AFTER_SECONDS``: no request, no report, no hint from
another process. Whatever comes in ends the rest, and every part looks at once. So only work that another process left
in the database without a hint waits for a rare look. Imports the standard library only.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from weakref import WeakKeyDictionary

RESTS_AFTER_SECONDS: Final = 20.0
RARELY_SECONDS: Final = 5.0
"""How often a part looks at rest. Each look is a round trip or a few, for nothing."""
ALONE_SECONDS: Final = 20.0
"""The same in the process that does everything: only a command could leave work for it, and that sends a hint."""
JITTER: Final = 0.25


class _Rest:
    __slots__ = ("_loop", "_stirred_at", "least", "wakers")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stirred_at = loop.time()
        self.wakers: set[Callable[[], None]] = set()
        self.least = 0.0

    @property
    def is_resting(self) -> bool:
        return self._loop.time() - self._stirred_at >= RESTS_AFTER_SECONDS

    def stir(self) -> None:
        self._stirred_at = self._loop.time()
        if self.wakers:
            for wake in tuple(self.wakers):
                wake()

    async def sleep(self, woken: tuple[asyncio.Event, ...], seconds: float) -> None:
        stirred = asyncio.Event()
        self.wakers.add(stirred.set)
        try:
            await _first_of((*woken, stirred), seconds)
        finally:
            self.wakers.discard(stirred.set)


_RESTS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rest]] = WeakKeyDictionary()


def stir() -> None:
    """Note that something came in: the running loop is not at rest, and whoever waits for a rare look looks now."""
    _of_running_loop().stir()


def is_resting() -> bool:
    """Return whether the running loop is at rest."""
    return _of_running_loop().is_resting


@contextmanager
def woken_by_stir(wake: Callable[[], None]) -> Iterator[None]:
    """Call ``wake``, which must be cheap, whenever something comes in during the block."""
    rest = _of_running_loop()
    rest.wakers.add(wake)
    try:
        yield
    finally:
        rest.wakers.discard(wake)


@contextmanager
def alone() -> Iterator[None]:
    """Have the parts of the running loop look every ``ALONE_SECONDS`` at rest, as long as the block lasts."""
    rest = _of_running_loop()
    rest.least = ALONE_SECONDS
    try:
        yield
    finally:
        rest.least = 0.0


async def until_next_look(
    woken: asyncio.Event, seconds: float, *, rarely: float = RARELY_SECONDS, also: asyncio.Event | None = None
) -> None:
    """Return after ``seconds``, at rest after about ``rarely`` if that is longer; at once when an event is set.

    With 0 as ``rarely`` it is ``seconds`` at rest, too.
    """
    rest = _of_running_loop()
    pause = max(rarely, rest.least) if rarely else 0.0
    events = (woken,) if also is None else (woken, also)
    if pause > seconds and rest.is_resting:
        # At different times: parts that looked together would each keep a connection.
        await rest.sleep(events, pause * random.uniform(1 - JITTER, 1))  # noqa: S311 - spreads load
    elif also is None:
        await set_within(woken, seconds)
    else:
        await _first_of(events, seconds)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but not longer than this, and return whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def _first_of(events: tuple[asyncio.Event, ...], seconds: float) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _of_running_loop() -> _Rest:
    loop = asyncio.get_running_loop()
    rest = _RESTS.get(loop)
    if rest is None:
        rest = _RESTS[loop] = _Rest(loop)
    return rest
