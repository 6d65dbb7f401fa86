"""Limits on work that takes memory, per account and in total; work above a limit waits for its turn."""

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from waypost.actions.refusals import TooManyWaiting

_TESTS_REFUSED: Final = (
    "Too many tests and retries of this account are waiting for a response. Try again when they have finished."
)


class Room:
    """A capacity per account and in total; ``most_waiting`` calls of an account can wait, further ones are ``refused``.

    Work that exceeds the capacity has its turn when the room is empty.
    """

    def __init__(
        self,
        *,
        of_one: float = math.inf,
        of_all: float = math.inf,
        most_waiting: float = math.inf,
        refused: str = "Too many calls of this account are waiting. Try again when they have finished.",
    ) -> None:
        self._of_one, self._of_all, self._most_waiting = of_one, of_all, most_waiting
        self._refused = refused
        self._taken: Counter[UUID] = Counter()
        self._lines: OrderedDict[UUID, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    @asynccontextmanager
    async def hold(self, account: UUID, size: int = 1) -> AsyncIterator[None]:
        """Hold capacity for the block. Raise TooManyWaiting."""
        if account in self._lines or not self._fits(account, size):
            await self._wait(account, size)
        else:
            self._taken[account] += size
        try:
            yield
        finally:
            self._give_back(account, size)

    async def _wait(self, account: UUID, size: int) -> None:
        line = self._lines.setdefault(account, deque())
        if len(line) >= self._most_waiting:
            raise TooManyWaiting(self._refused)
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append((size, given))
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._give_back(account, size)
            raise

    def _fits(self, account: UUID, size: int) -> bool:
        """Return whether there is capacity. The only work of an account, or of all, fits whatever its size."""
        one, every = self._taken[account], self._taken.total()
        return (not one or one + size <= self._of_one) and (not every or every + size <= self._of_all)

    def _give_back(self, account: UUID, size: int) -> None:
        self._taken[account] -= size
        self._taken += Counter()  # drops accounts that hold nothing
        while any(self._give_to_next_of(waiting) for waiting in list(self._lines)):
            pass

    def _give_to_next_of(self, account: UUID) -> bool:
        """Admit the first waiter of an account if there is capacity, and move the account to the end."""
        line = self._lines[account]
        while line and line[0][1].done():  # the waiter gave up
            line.popleft()
        gives = bool(line) and self._fits(account, line[0][0])
        if gives:
            size, given = line.popleft()
            self._taken[account] += size
            given.set_result(None)
            self._lines.move_to_end(account)
        if not line:
            del self._lines[account]
        return gives


class Rooms:
    """What an account can do concurrently in this process.

    ``lists`` of large parcels, ``exports``, ``imports``, ``tests``, probes and retries that await a response (each
    looks for it in the database, so an unresponsive receiver would otherwise let one account slow down everybody), and
    ``probes`` of credentials.
    """

    def __init__(self) -> None:
        self.lists = Room(of_one=2, most_waiting=64)
        self.exports = Room(of_one=2)
        self.imports = Room(of_one=1, most_waiting=4)
        self.tests = Room(of_one=16, most_waiting=0, refused=_TESTS_REFUSED)
        self.probes = Room(of_one=2, most_waiting=4)
