"""Cancels what is waiting for endpoints that answered 410, beside the recording of results: it may be a million."""

import asyncio
from contextlib import suppress
from uuid import UUID

from waypost.store import queue
from waypost.store.database import Database
from waypost.store.trouble import REPEATABLE


class GoneLanes:
    """The lanes of endpoints that were disabled here. Those that are left when the dispatcher ends are the keeper's."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._endpoints: dict[UUID, None] = {}
        self._wake = asyncio.Event()

    def add(self, endpoint: UUID) -> None:
        """Have the lane of a disabled endpoint cancelled soon."""
        self._endpoints[endpoint] = None
        self._wake.set()

    async def serve(self) -> None:
        """Cancel some deliveries of each lane in turn, without end."""
        while True:
            while self._endpoints:
                await self._cancel_some(next(iter(self._endpoints)))
            self._wake.clear()
            await self._wake.wait()

    async def _cancel_some(self, endpoint: UUID) -> None:
        with suppress(*REPEATABLE):
            async with self._database.engine.acquire() as session:
                is_empty = not await queue.cancel_lane(session, endpoint)
            del self._endpoints[endpoint]
            if not is_empty:
                self._endpoints[endpoint] = None
