"""What one sender has in hand: at most some messages at a time, and few of one owner."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from typing import Final
from uuid import UUID

from waypost.rest import until_next_look
from waypost.store.ending import end

LOOK_SECONDS: Final = 1.0
AT_ONCE: Final = 16
AT_ONCE_OF_ONE: Final = 3


class InHand:
    """Runs one task for each message that is being sent."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], UUID] = {}

    @property
    def free(self) -> int:
        """The number of messages that there is room for."""
        return AT_ONCE - len(self._tasks)

    @property
    def busy(self) -> list[UUID]:
        """The owners that have enough in hand."""
        return [owner for owner, count in Counter(self._tasks.values()).items() if count >= AT_ONCE_OF_ONE]

    def take(self, owner: UUID, sending: Coroutine[None, None, None]) -> None:
        """Begin to send something of an owner."""
        task = asyncio.create_task(sending)
        self._tasks[task] = owner
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def serve(self, look: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        """Look for what is due until ``stop`` is set; what is being sent then is finished."""
        try:
            while not stop.is_set():
                await look()
                await until_next_look(stop, LOOK_SECONDS)
            await self.settled()
        finally:
            await self.end()

    async def settled(self) -> None:
        """Wait until nothing is being sent."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self) -> None:
        """Break off what is still being sent."""
        await end(*self._tasks)
