"""Ends tasks that use PostgreSQL: a single cancellation may get lost while PostgreSQL becomes unavailable."""

import asyncio
from typing import Any, Final

AGAIN_SECONDS: Final = 0.5


async def end(*tasks: asyncio.Task[Any]) -> list[Any]:
    """Cancel tasks until they have ended; return the result of each, errors as values.

    A task that is cancelled inside a transaction whose connection was just lost gets the driver's error instead of the
    cancellation. A task that retries after such an error would go on for ever.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    return await asyncio.gather(*tasks, return_exceptions=True)
