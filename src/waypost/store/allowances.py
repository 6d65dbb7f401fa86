"""How many sessions a pool may have: fewer where the server has too few for everybody; accounts get them in turn."""

import asyncio
from collections import Counter, OrderedDict, deque
from typing import Final
from uuid import UUID

LEFT_TO_OTHERS: Final = 1
"""How many sessions one account leaves to others, whatever it is waiting for."""

_NONE: Final = UUID(int=2**128 - 1)
"""No account's id."""


class Allowance:
    """Places for up to ``most`` sessions, of which ``now`` are available. A user who finds none waits for a turn.

    Places that are taken for an account are limited, and accounts that wait have turns: many slow calls of one never
    make another's wait for more than one of them.
    """

    def __init__(self, most: int, least: int = 1) -> None:
        self.most = self.now = most
        self._least = least
        self.taken = 0
        self._taken_for: Counter[UUID] = Counter()
        self._lines: OrderedDict[UUID | None, deque[asyncio.Future[None]]] = OrderedDict()

    async def take(self, account: UUID | None = None) -> None:
        """Take a place as soon as one is free; without an ``account`` it is in nobody's share."""
        if account not in self._lines and self._is_free_for(account):
            self._count(account, 1)
            return
        turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(account, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it got its place in the same moment
                self.leave(account)
            else:
                self._hand_on()
            raise

    def leave(self, account: UUID | None = None) -> None:
        """Return a place that was taken for an account."""
        self._count(account, -1)
        self._hand_on()

    def change(self, places: int) -> None:
        """Set the number of places, at least ``least``. Occupied places stay occupied until they are returned."""
        self.now = max(self._least, min(places, self.most))
        self._hand_on()

    def _count(self, account: UUID | None, places: int) -> None:
        self.taken += places
        if account is not None:
            self._taken_for[account] += places
            if not self._taken_for[account]:
                del self._taken_for[account]

    def _is_free_for(self, account: UUID | None) -> bool:
        of_one = self.now if account is None else max(1, self.now - LEFT_TO_OTHERS)
        return self.taken < self.now and (account is None or self._taken_for[account] < of_one)

    def _hand_on(self) -> None:
        """Lend free places to those who wait: to the accounts with the fewest, the longest waiting of them first."""
        while self.taken < self.now and (account := self._next()) is not _NONE:
            line = self._lines[account]
            self._count(account, 1)
            line.popleft().set_result(None)
            self._lines.move_to_end(account)

    def _next(self) -> UUID | None:
        for account, line in list(self._lines.items()):
            while line and line[0].done():  # whoever waited gave up
                line.popleft()
            if not line:
                del self._lines[account]
        free = [account for account in self._lines if self._is_free_for(account)]
        return min(free, key=self._has, default=_NONE)

    def _has(self, account: UUID | None) -> int:
        return 0 if account is None else self._taken_for[account]
