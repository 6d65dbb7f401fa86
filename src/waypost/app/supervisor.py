"""Keeps the parts of the server running: a failed part is restarted after a pause that grows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog

from waypost.rest import set_within
from waypost.store.outage import Outage
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 30.0
LONGEST_PAUSE_WITHOUT_DATABASE_SECONDS: Final = 2.0
"""Short, because nothing is wrong with the part: it should be back soon after the database is."""
WELL_AFTER_SECONDS: Final = 60.0
"""A part that ran for this long starts with the first pause again."""


@dataclass(slots=True)
class Part:
    """A part of the server: ``serve`` runs until its event is set, and may be called again after it raised.

    ``is_unfinished`` says whether it must be called again even to stop, because what it raised left work in hand.
    """

    name: str
    serve: Callable[[asyncio.Event], Awaitable[None]]
    is_unfinished: Callable[[], bool] = lambda: False
    running: bool = False


async def keep_running(part: Part, stop: asyncio.Event, outage: Outage) -> None:
    """Run a part until ``stop`` is set and nothing is unfinished; whatever it raises is logged, and it is restarted."""
    loop = asyncio.get_running_loop()
    pause = FIRST_PAUSE_SECONDS
    while not stop.is_set() or part.is_unfinished():
        began = loop.time()
        longest = await _run_once(part, stop, outage)
        if loop.time() - began >= WELL_AFTER_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        pause = min(pause, longest)
        if stop.is_set() and part.is_unfinished():
            await asyncio.sleep(pause)
        else:
            await set_within(stop, pause)
        pause *= 2


async def _run_once(part: Part, stop: asyncio.Event, outage: Outage) -> float:
    """Run a part until it ends or fails, and return the longest sensible pause after that."""
    part.running = True
    try:
        await part.serve(stop)
    except LOST as error:
        outage.found(error)
        return LONGEST_PAUSE_WITHOUT_DATABASE_SECONDS
    except Exception:  # noqa: BLE001 - whatever it is, the part has to come back
        _LOG.exception("part_failed", part=part.name)
        return LONGEST_PAUSE_SECONDS
    finally:
        part.running = False
    if not stop.is_set():
        _LOG.error("part_ended", part=part.name)
    return LONGEST_PAUSE_SECONDS
