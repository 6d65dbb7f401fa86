"""Bounds the memory that reports take: bodies that are being read and written, by account and in all."""

import asyncio
import math
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Final
from uuid import UUID

from waypost.api.bodies import LARGEST_BODY

OF_ONE: Final = 2 * LARGEST_BODY
"""Bytes of one account's bodies, from before the first is read until their updates are written."""
OF_ALL: Final = 4 * LARGEST_BODY
"""Bytes of all large bodies that have arrived and are not written yet: as objects they take ten times as much."""
LARGE: Final = 1 << 16
MOST_WAITING: Final = 64
"""So many calls of one account may wait until others of it are done."""


class TooManyWaiting(Exception):  # noqa: N818 - a state, answered with 429
    """As many calls of the account wait as may."""

    def __init__(self) -> None:
        super().__init__(f"{MOST_WAITING} reports of this account wait already.")


class _Room:
    """So many bytes at a time, for each account and in all; who finds none waits, and accounts take turns."""

    def __init__(self, *, of_one: float, of_all: float) -> None:
        self._of_one, self._of_all = of_one, of_all
        self._taken: Counter[UUID] = Counter()
        self._lines: OrderedDict[UUID, deque[tuple[int, asyncio.Future[None]]]] = OrderedDict()

    @asynccontextmanager
    async def hold(self, account: UUID, size: int) -> AsyncIterator[None]:
        """Take room for the block. Raises TooManyWaiting."""
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
        if len(line) >= MOST_WAITING:
            raise TooManyWaiting
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append((size, given))
        try:
            await given
        except asyncio.CancelledError:
            if given.done() and not given.cancelled():
                self._give_back(account, size)
            raise

    def _fits(self, account: UUID, size: int) -> bool:
        """Return whether there is room: for the first of all, or of an account, however large it is."""
        one, every = self._taken[account], self._taken.total()
        return (not one or one + size <= self._of_one) and (not every or every + size <= self._of_all)

    def _give_back(self, account: UUID, size: int) -> None:
        self._taken[account] -= size
        self._taken += Counter()  # forgets accounts that have nothing
        while any(self._give_to_next_of(waiting) for waiting in list(self._lines)):
            pass

    def _give_to_next_of(self, account: UUID) -> bool:
        """Give room to the first of an account's line, if there is any; then the account goes to the end."""
        line = self._lines[account]
        while line and line[0][1].done():  # it gave up
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


class BodiesInHand:
    """Where reports wait for those before them: unread, so that they cost a connection and no memory."""

    def __init__(self) -> None:
        self._arriving = _Room(of_one=OF_ONE, of_all=math.inf)
        self._large = _Room(of_one=math.inf, of_all=OF_ALL)

    def arriving(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Hold room for a body until it is written. A slow client holds up its own account only."""
        return self._arriving.hold(account, size)

    def arrived(self, account: UUID, size: int) -> AbstractAsyncContextManager[None]:
        """Hold room for what a body that is there becomes, until that is written; small ones need none."""
        return self._large.hold(account, size) if size > LARGE else nullcontext()
