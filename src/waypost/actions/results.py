"""Wait for the result of what was just queued, without holding a database connection meanwhile."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

_FIRST_LOOK_SECONDS: Final = 0.01
_SLOWEST_LOOK_SECONDS: Final = 0.25


async def until_ended(look: Callable[[], Awaitable[T]], ended: Callable[[T], bool], *, seconds: float) -> T:
    """Look at something until it has ended, or for this many seconds, and return it as it was seen last.

    Most results come within milliseconds, so the first looks follow each other quickly.
    """
    ends, pause = time.monotonic() + seconds, _FIRST_LOOK_SECONDS
    while not ended(found := await look()) and time.monotonic() < ends:
        await asyncio.sleep(pause)
        pause = min(pause * 2, _SLOWEST_LOOK_SECONDS)
    return found
