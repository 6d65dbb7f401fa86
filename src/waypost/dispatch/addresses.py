"""Limits the connections to one address, however many endpoints point there."""

import asyncio
import time
from collections import deque
from typing import Final

from waypost.domain.ip_addresses import IPAddress

CONNECTIONS: Final = 50
LOOK_SECONDS: Final = 1.0
"""How often it is checked who has waited long enough."""


class AddressSlots:
    """Counts the attempts at each address; if an address is full, callers wait for their turn."""

    def __init__(self, most: int = CONNECTIONS) -> None:
        self._most = most
        # Keyed by the address's bytes: an address object computes its hash from its text on every lookup.
        self._taken: dict[bytes, int] = {}
        self._waiting: dict[bytes, deque[tuple[asyncio.Future[bool], float]]] = {}
        self._watched = False

    def take(self, address: IPAddress) -> bool:
        """Take a slot if one is free; it must be released."""
        key = address.packed
        taken = self._taken.get(key, 0)
        if taken >= self._most:
            return False
        self._taken[key] = taken + 1
        return True

    async def wait(self, address: IPAddress, seconds: float) -> bool:
        """Wait at most this long, or up to a second longer, for a slot, and return whether it was taken."""
        if seconds <= 0:
            return False
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.setdefault(address.packed, deque()).append((turn, time.monotonic() + seconds))
        if not self._watched:
            self._watch(loop)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave(address)
            raise

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        # A timer for each would take a twentieth of dispatch's time: under load every attempt waits here.
        self._watched = True
        loop.call_later(LOOK_SECONDS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the waits that are over, and look again while somebody waits."""
        now, self._watched = time.monotonic(), False
        for key, turns in list(self._waiting.items()):
            for turn, ends in turns:
                if ends <= now and not turn.done():
                    turn.set_result(False)
            if left := deque(one for one in turns if not one[0].done()):
                self._waiting[key] = left
            else:
                del self._waiting[key]
        if self._waiting:
            self._watch(loop)

    def leave(self, address: IPAddress) -> None:
        """Release a slot to whoever has waited longest."""
        key = address.packed
        turns = self._waiting.get(key, ())
        while turns:
            turn, _ = turns.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._waiting.pop(key, None)
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]
