"""Keeps the parts of the server running: one that fails is started again, after a pause that grows."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from waypost.store.ending import end
from waypost.store.statements import LOST

_LOG: Final = structlog.get_logger()
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_WITHOUT_DATABASE_SECONDS: Final = 2.0
"""Short, because nothing is wrong with the part: it shall be back soon after the database is."""
LOOK_SECONDS: Final = 1.0
WELL_AFTER_SECONDS: Final = 60.0
"""A part that ran for so long starts with the first pause again."""


@dataclass(slots=True)
class Part:
    """A part of the server: ``serve`` runs until its event is set, and may be called again after it raised."""

    name: str
    serve: Callable[[asyncio.Event], Awaitable[None]]
    running: bool = False


class Outage:
    """Says once that the database is away, whichever part finds that and how often, and once that it is back."""

    def __init__(self, answers: Callable[[], Awaitable[object]]) -> None:
        self._answers = answers
        self._waiting: asyncio.Task[None] | None = None

    def found(self, part: str, error: Exception) -> None:
        """Say that a part lost its database, unless that was said; ``answers`` is asked until it raises no more."""
        if self._waiting is None or self._waiting.done():
            _LOG.warning("database_lost", part=part, error=repr(error))
            self._waiting = asyncio.create_task(self._wait())

    async def end(self) -> None:
        """Ask no more."""
        if self._waiting is not None:
            await end(self._waiting)

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(*LOST, TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._answers()
                _LOG.info("database_back", seconds=round(loop.time() - began, 1))
                return


async def keep_running(part: Part, stop: asyncio.Event, outage: Outage) -> None:
    """Run a part until ``stop`` is set; whatever it raises is logged, and it is started again."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set():
        began = loop.time()
        longest = await _run_once(part, stop, outage)
        if loop.time() - began >= WELL_AFTER_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        pause = min(pause, longest)
        await _wait(stop, pause)
        pause *= 2


async def _run_once(part: Part, stop: asyncio.Event, outage: Outage) -> float:
    """Run a part until it ends or fails, and give the longest pause that is sensible after that."""
    part.running = True
    try:
        await part.serve(stop)
    except LOST as error:
        outage.found(part.name, error)
        return LONGEST_PAUSE_WITHOUT_DATABASE_SECONDS
    except Exception:  # noqa: BLE001 - whatever it is, the part has to come back
        _LOG.exception("part_failed", part=part.name)
        return LONGEST_PAUSE_SECONDS
    finally:
        part.running = False
    if not stop.is_set():
        _LOG.error("part_ended", part=part.name)
    return LONGEST_PAUSE_SECONDS


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
