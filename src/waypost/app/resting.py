"""Lets the process and its PostgreSQL rest: at rest, memory is given back and autovacuum looks rarely."""

import asyncio
import time
from typing import Final

from waypost.app import memory
from waypost.rest import is_resting, until_next_look
from waypost.store.database import Database
from waypost.store.embedded.pace import VacuumPace, set_pace
from waypost.store.statements import SENT

LOOK_SECONDS: Final = 10.0
RARELY_SECONDS: Final = 60.0
QUIET_STATEMENTS_PER_SECOND: Final = 20.0
"""Deliveries that wait from before are work, too, though nothing comes in."""


class Resting:
    """Follows the work of this process. ``database`` is that of its own PostgreSQL, None if it has none."""

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._pace: VacuumPace | None = None
        self._looked_at, self._sent = time.monotonic(), SENT.total()

    async def serve(self, stop: asyncio.Event) -> None:
        """Look every few seconds, at rest every minute, until ``stop`` is set."""
        while not stop.is_set():
            await self.look()
            await until_next_look(stop, LOOK_SECONDS, rarely=RARELY_SECONDS)

    async def look(self) -> None:
        """Free unused memory if there is no work, and have autovacuum look as often as the work needs."""
        quiet = self._is_quiet()
        if quiet:  # each time, because what ends late frees more: connections, and dispatching in other processes
            memory.collect()
            await asyncio.to_thread(memory.give_back)
        pace = VacuumPace.RARELY if quiet else VacuumPace.OFTEN
        if self._database is not None and pace is not self._pace:
            async with self._database.engine.acquire() as session:
                await set_pace(session, pace)
            self._pace = pace

    def _is_quiet(self) -> bool:
        now, sent = time.monotonic(), SENT.total()
        few = sent - self._sent <= QUIET_STATEMENTS_PER_SECOND * (now - self._looked_at)
        self._looked_at, self._sent = now, sent
        return few and is_resting()
