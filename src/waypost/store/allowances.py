"""How many sessions a pool may have: fewer where the server has too few for everybody."""

import asyncio
from collections import deque


class Allowance:
    """Places for up to ``most`` sessions, of which ``now`` are available. A user who finds none waits for a turn."""

    def __init__(self, most: int, least: int = 1) -> None:
        self.most = self.now = most
        self._least = least
        self.taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Take a place as soon as one is free."""
        if not self._waiting and self.taken < self.now:
            self.taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it got its place in the same moment
                self.leave()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        """Return a place."""
        self.taken -= 1
        self._hand_on()

    def change(self, places: int) -> None:
        """Set the number of places, at least ``least``. Occupied places stay occupied until they are returned."""
        self.now = max(self._least, min(places, self.most))
        self._hand_on()

    def _hand_on(self) -> None:
        while self._waiting and self.taken < self.now:
            turn = self._waiting.popleft()
            if not turn.done():
                self.taken += 1
                turn.set_result(None)
