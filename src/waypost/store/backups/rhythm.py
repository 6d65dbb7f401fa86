"""The rhythm of a backup beside a busy server: it works for a moment, then rests for several.

The idle class (``background.py``) gives a processor back at once, but not what two processors have in common, nor what
was in their caches: a backup at full speed slows down every delivery that it meets. One that rests most of the time
meets few, and each of them only for a moment.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from math import exp2
from time import monotonic
from typing import Final

from waypost.store.database import Database
from waypost.store.statements import fetch_one
from waypost.store.trouble import LOST

MOMENT_SECONDS: Final = 0.002
"""How long it works at a stretch: less than a delivery takes."""
DOUBLES_SECONDS: Final = 900.0
"""After which time its share of the time has doubled, so that a large backup ends, too."""
LONGEST_REST_SECONDS: Final = 0.01
"""Longer work than a moment was mostly a wait for a processor: then it has given way already."""
BUSY_STATEMENTS_PER_SECOND: Final = 20.0
"""How many transactions a second more than a server at rest makes, including those of a few processes."""
_LOOK_SECONDS: Final = 1.0


class Share(float, Enum):
    """Which share of the time a backup works at first."""

    READING = 0.5
    """While it reads from the database, so that dead rows of the queue are not removed, and each claim passes them."""
    CHECKING = 0.2


class Rhythm:
    """When a backup rests, as long as ``gives_way`` is set; otherwise it never does.

    One part of the backup at a time calls ``rest`` between small pieces of its work. ``clock`` counts seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.gives_way = False
        self._clock = clock
        self._began = self._moment_began = clock()
        self._seen: tuple[int, float] | None = None

    def rest(self, share: Share) -> float:
        """Return how many seconds to rest now: 0 until the moment of work is over."""
        now = self._clock()
        worked = now - self._moment_began
        if worked < MOMENT_SECONDS:
            return 0.0
        works = min(1.0, share * exp2((now - self._began) / DOUBLES_SECONDS))
        rest = min(worked * (1 / works - 1), LONGEST_REST_SECONDS) if self.gives_way else 0.0
        self._moment_began = now + rest
        return rest

    def saw(self, transactions: int) -> None:
        """Note how many transactions the database has counted so far, which decides whether to give way."""
        now = self._clock()
        if self._seen is not None:
            earlier, then = self._seen
            self.gives_way = transactions - earlier > BUSY_STATEMENTS_PER_SECOND * (now - then)
        self._seen = transactions, now


async def give_way_while_busy(rhythm: Rhythm, database: Database) -> None:
    """Have the rhythm give way while others use the database much, from now on until this is cancelled.

    A database that can't be used has nobody who could notice.
    """
    rhythm.gives_way = True
    while True:
        try:
            async with database.serving.acquire() as session:
                row = await fetch_one(session, "transactions_so_far")
        except LOST:
            rhythm.gives_way = False
        else:
            rhythm.saw(0 if row is None else row["transactions"])
        await asyncio.sleep(_LOOK_SECONDS)


async def pause(rhythm: Rhythm, share: Share) -> None:
    """Rest if it is time to; call it between small pieces of work."""
    if rest := rhythm.rest(share):
        await asyncio.sleep(rest)
