"""Fetch an account's events in their order, and wait for the next ones: for programs that can't receive webhooks."""

import asyncio
from typing import Final
from uuid import UUID

from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.refusals import Busy
from waypost.store.feed import EventRow, events_after

LONGEST_WAIT: Final = 60
MOST_WAITING: Final = 16
"""The maximum waiting calls of an account in a process: each queries every second, and others want the database too."""

POLL_SECONDS: Final = 1.0
"""How often a waiting call looks for events that another process has written."""

_SOON_SECONDS: Final = 0.02
"""An announced event may be held back until an older transaction has ended, so that none is skipped."""


async def next_events(context: Context, actor: Actor, after: UUID, *, limit: int, wait: float) -> list[EventRow]:
    """Return the account's next events after an id, oldest first; if there are none, wait up to so many seconds.

    No database connection is held while it waits. Raise Busy if ``MOST_WAITING`` calls of the account are waiting.
    """
    loop = asyncio.get_running_loop()
    ends, pause = loop.time() + wait, POLL_SECONDS
    arrivals = context.intake.arrivals
    if wait and arrivals.listeners(actor.account) >= MOST_WAITING:
        raise Busy(f"{MOST_WAITING} calls of this account are already waiting for events.")
    with arrivals.listening(actor.account) as heard:
        while True:
            # Cleared before the query: an event that is announced during it is looked for at once.
            heard.clear()
            async with context.rooms.lists.hold(actor.account), context.database.serving.acquire() as session:
                rows = await events_after(session, actor.account, after, limit)
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
