"""Ends tasks that work with PostgreSQL: a single cancellation may get lost while PostgreSQL goes away."""

import asyncio
from typing import Any, Final

AGAIN_SECONDS: Final = 0.5


async def end(*tasks: asyncio.Task[Any]) -> list[Any]:
    """Cancel tasks until they have ended; gives what came of each, errors as values.

    Whoever is cancelled inside a transaction whose connection has just been lost hears of the loss instead: the
    driver's error takes the cancellation's place. A task that tries again after such an error would go on for ever.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    return await asyncio.gather(*tasks, return_exceptions=True)
