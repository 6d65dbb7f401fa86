"""Wait for the next rows of a feed without holding a database connection."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.refusals import TooManyWaiting
from waypost.store.statements import Session

T = TypeVar("T")

LONGEST_WAIT: Final = 60
MOST_WAITING: Final = 16
"""The maximum waiting calls of an account in a process: each queries every second, and others want the database too."""

POLL_SECONDS: Final = 1.0
"""How often a waiting call looks for what another process has written."""

_SOON_SECONDS: Final = 0.02
"""An announced event may be held back until an older transaction has ended, so that none is skipped."""


async def next_rows(
    context: Context, actor: Actor, wait: float, query: Callable[[Session], Awaitable[list[T]]]
) -> list[T]:
    """Return what a query finds; if it finds nothing, run it again for up to this many seconds.

    It runs every second, and at once when this process has written events of the account. Raise TooManyWaiting if
    ``MOST_WAITING`` calls of the account are waiting.
    """
    loop = asyncio.get_running_loop()
    ends, pause = loop.time() + wait, POLL_SECONDS
    arrivals = context.intake.arrivals
    if wait and arrivals.listeners(actor.account) >= MOST_WAITING:
        raise TooManyWaiting(f"{MOST_WAITING} calls of this account are already waiting.")
    with arrivals.listening(actor.account) as heard:
        while True:
            # Cleared before the query: an event that is announced during it is looked for at once.
            heard.clear()
            async with context.rooms.lists.hold(actor.account), context.database.serving.acquire() as session:
                rows = await query(session)
            left = ends - loop.time()
            if rows or left <= 0 or arrivals.ended:
                return rows
            try:
                async with asyncio.timeout(min(pause, left)):
                    await heard.wait()
            except TimeoutError:
                pause = min(pause * 2, POLL_SECONDS)
            else:
                pause = _SOON_SECONDS
