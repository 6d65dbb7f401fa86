"""Rate limits of an account's calls per second; those of v4 hold across all processes."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Final
from uuid import UUID

from waypost.store import call_windows
from waypost.store.database import Database

REMEMBERED: Final = 4096


class Call(StrEnum):
    """The kinds of calls that are counted separately."""

    CREATE = "create"
    BATCH = "batch"
    GET = "get"
    UPDATE = "update"
    DELETE = "delete"
    RETRACK = "retrack"
    AWB = "awb"
    COURIERS = "couriers"
    DETECT = "detect"
    V1 = "v1"


MOST_A_SECOND: Final = dict.fromkeys(Call, 10) | {Call.CREATE: 3, Call.V1: 1000}
"""The limits of v4 are TrackingMore's. The limit of v1 only stops runaway programs."""


class _Window:
    """The calls that this process may still accept in an account's second, and how many it takes next."""

    __slots__ = ("ends", "left", "lock", "spent", "takes")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.ends = 0.0
        self.begin(0.0)

    def begin(self, ends: float) -> None:
        self.ends, self.left, self.takes, self.spent = ends, 0, 1, False


class CallLimits:
    """Counts calls. Each process takes calls from the account's row: first one, then twice as many each time.

    A single client therefore costs few statements, and no process holds calls that another could use; once the second
    is used up, the row is not queried any more. Each process counts calls of v1 on its own: such a high limit needs no
    row.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._windows: OrderedDict[tuple[UUID, Call], _Window] = OrderedDict()

    async def admit(self, account: UUID, call: Call) -> bool:
        """Count one call; return False if the account has reached its limit for this second."""
        window = self._window(account, call)
        async with window.lock:
            if self._clock() >= window.ends:
                window.begin(self._clock() + 1)
            if not (window.left or window.spent):
                await self._take(window, account, call)
            if not window.left:
                return False
            window.left -= 1
            return True

    async def _take(self, window: _Window, account: UUID, call: Call) -> None:
        if call is Call.V1:
            window.left, window.spent = MOST_A_SECOND[call], True
            return
        async with self._database.serving.acquire() as session:
            taken = await call_windows.take_calls(session, account, call, wanted=window.takes, most=MOST_A_SECOND[call])
        window.left, window.spent = taken.granted, taken.granted < window.takes
        window.ends = self._clock() + taken.seconds_left
        window.takes *= 2

    def _window(self, account: UUID, call: Call) -> _Window:
        key = account, call
        window = self._windows.setdefault(key, _Window())
        self._windows.move_to_end(key)
        while len(self._windows) > REMEMBERED:
            self._windows.popitem(last=False)
        return window
