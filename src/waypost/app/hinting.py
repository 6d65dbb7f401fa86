"""Hints to the dispatchers of other processes what is due: one merged NOTIFY at a time, the first one at once."""

import asyncio
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from waypost.store import hints
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.hints import Hint

PAUSE_SECONDS: Final = 0.02


class Notifier:
    """Gathers the hints of this process and sends them to the others by NOTIFY."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._endpoints: set[UUID] = set()
        self._by_hand = False
        self._wake = asyncio.Event()

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Hint that these endpoints have something due."""
        self._endpoints.update(endpoints)
        if self._endpoints:
            self._wake.set()

    def hint_by_hand(self) -> None:
        """Hint that a test or a resend is waiting."""
        self._by_hand = True
        self._wake.set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Send the gathered hints until ``stop`` is set."""
        stopping = asyncio.create_task(stop.wait())
        telling = asyncio.create_task(self._tell())
        try:
            await asyncio.wait([stopping, telling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = await end(stopping, telling)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            hint = Hint(frozenset(self._endpoints), by_hand=self._by_hand)
            self._endpoints.clear()
            self._by_hand = False
            async with self._database.engine.acquire() as session:
                await hints.tell(session, hint)
            await asyncio.sleep(PAUSE_SECONDS)  # under load one NOTIFY carries what arrives meanwhile
