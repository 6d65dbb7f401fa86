"""Looks less often while nothing happens: parts that look for work every second do so every few seconds at rest.

An event loop is at rest when nothing has come in for ``RESTS_AFTER_SECONDS``: no request, no report, no hint from
another process. Whatever comes in ends the rest, and every part looks at once. So only work that another process left
in the database without a hint waits for a rare look. Imports the standard library only.
"""

import asyncio
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary

RESTS_AFTER_SECONDS: Final = 20.0
RARELY_SECONDS: Final = 5.0
"""How often a part looks at rest. Each look is a round trip or a few, for nothing."""


class _Rest:
    __slots__ = ("_loop", "_sleepers", "_stirred_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stirred_at = loop.time()
        self._sleepers: set[asyncio.Event] = set()

    @property
    def is_resting(self) -> bool:
        return self._loop.time() - self._stirred_at >= RESTS_AFTER_SECONDS

    def stir(self) -> None:
        self._stirred_at = self._loop.time()
        for sleeper in self._sleepers:
            sleeper.set()

    async def sleep(self, woken: asyncio.Event, seconds: float) -> None:
        stirred = asyncio.Event()
        self._sleepers.add(stirred)
        waits = [asyncio.ensure_future(event.wait()) for event in (woken, stirred)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleepers.discard(stirred)
            for wait in waits:
                wait.cancel()


_RESTS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rest]] = WeakKeyDictionary()


def stir() -> None:
    """Note that something came in: the running loop is not at rest, and whoever waits for a rare look looks now."""
    _of_running_loop().stir()


async def until_next_look(woken: asyncio.Event, seconds: float, *, rarely: float = RARELY_SECONDS) -> None:
    """Return after ``seconds``, at rest after ``rarely`` if that is longer; at once when ``woken`` is set."""
    rest = _of_running_loop()
    if rarely > seconds and rest.is_resting:
        await rest.sleep(woken, rarely)
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await woken.wait()


def _of_running_loop() -> _Rest:
    loop = asyncio.get_running_loop()
    rest = _RESTS.get(loop)
    if rest is None:
        rest = _RESTS[loop] = _Rest(loop)
    return rest
