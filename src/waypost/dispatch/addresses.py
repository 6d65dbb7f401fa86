"""No more than so many connections to one address at a time, however many endpoints point there."""

import asyncio
from collections import deque
from typing import Final

from waypost.domain.addresses import IPAddress

CONNECTIONS: Final = 50


class AddressSlots:
    """Counts the attempts at each address; who finds it full waits for its turn."""

    def __init__(self, most: int = CONNECTIONS) -> None:
        self._most = most
        # By the address's bytes: an address object makes its hash of its text, each time that it is looked up.
        self._taken: dict[bytes, int] = {}
        self._waiting: dict[bytes, deque[asyncio.Future[None]]] = {}

    def take(self, address: IPAddress) -> bool:
        """Take a slot if one is free; it has to be left again."""
        key = address.packed
        taken = self._taken.get(key, 0)
        if taken >= self._most:
            return False
        self._taken[key] = taken + 1
        return True

    async def wait(self, address: IPAddress, seconds: float) -> bool:
        """Wait so long for a slot at most; gives whether it was taken."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address.packed, deque()).append(turn)
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            return False
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(address)
            raise
        return True

    def leave(self, address: IPAddress) -> None:
        """Give a slot back, to who waits the longest if anybody does."""
        key = address.packed
        turns = self._waiting.get(key, ())
        while turns:
            turn = turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(key, None)
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
