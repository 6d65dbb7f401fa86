"""Limits the connections to one address, however many endpoints point there."""

import asyncio
from collections import deque
from typing import Final

from waypost.domain.ip_addresses import IPAddress

CONNECTIONS: Final = 50


class AddressSlots:
    """Counts the attempts at each address; if an address is full, callers wait for their turn."""

    def __init__(self, most: int = CONNECTIONS) -> None:
        self._most = most
        # Keyed by the address's bytes: an address object computes its hash from its text on every lookup.
        self._taken: dict[bytes, int] = {}
        self._waiting: dict[bytes, deque[asyncio.Future[bool]]] = {}

    def take(self, address: IPAddress) -> bool:
        """Take a slot if one is free; it must be released."""
        key = address.packed
        taken = self._taken.get(key, 0)
        if taken >= self._most:
            return False
        self._taken[key] = taken + 1
        return True

    async def wait(self, address: IPAddress, seconds: float) -> bool:
        """Wait at most this long for a slot, and return whether it was taken."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.setdefault(address.packed, deque()).append(turn)
        # asyncio.timeout would take a twentieth of dispatch's time: under load every attempt waits here.
        end = loop.call_later(seconds, _give_up, turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave(address)
            raise
        finally:
            end.cancel()

    def leave(self, address: IPAddress) -> None:
        """Release a slot to whoever has waited longest."""
        key = address.packed
        turns = self._waiting.get(key, ())
        while turns:
            turn = turns.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._waiting.pop(key, None)
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]


def _give_up(turn: asyncio.Future[bool]) -> None:
    if not turn.done():
        turn.set_result(False)
