"""Splits long work on an event loop into slices: one slice per round of the loop, and accounts take turns.

Code that checks, merges or renders a lot calls ``Turn.pause`` between small pieces of work. The call returns at once
while the round's slice lasts; after that it waits until the loop has handled whatever arrived meanwhile. All long work
of a loop shares one slice per round, so a hundred long calls delay others no more than one does.

A short call waits for a slice in each of its rounds. So slices are shorter while one is in progress: a call that began
lately and has not paused itself. Imports the standard library only.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from uuid import UUID
from weakref import WeakKeyDictionary

SLICE_SECONDS: Final = 0.001
"""A short call takes some ten rounds of the loop, so this is a tenth of what long work adds to it. A round without work
costs about 30 µs, so this costs long work about three percent."""
SHORTER_SLICE_SECONDS: Final = SLICE_SECONDS / 5
"""While a short call is in progress. If there always were one, long work would cost fifteen percent more."""
SHORT_CALL_SECONDS: Final = 0.1
"""A call that takes longer is waiting for something, and no slice delays it much."""


class _Rounds:
    """The long work of one loop: what is left of the round's slice, and who waits for a slice, by account."""

    __slots__ = ("_called", "_ends", "_short_calls", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ends: float | None = None
        self._called = False
        self._waiting: OrderedDict[UUID | None, deque[asyncio.Future[None]]] = OrderedDict()
        self._short_calls: dict[object, float] = {}

    def begin_call(self, call: object) -> None:
        """Count a call as short."""
        self._short_calls[call] = time.perf_counter()

    def end_call(self, call: object) -> None:
        """Count a call as short no more: it has ended, or it pauses itself."""
        self._short_calls.pop(call, None)

    def _slice(self, now: float) -> float:
        """Return how long this round's slice is."""
        while self._short_calls:
            call, began = next(iter(self._short_calls.items()))  # the oldest
            if now - began < SHORT_CALL_SECONDS:
                return SHORTER_SLICE_SECONDS
            del self._short_calls[call]
        return SLICE_SECONDS

    def is_used_up(self) -> bool:
        """Return whether this round's slice is used up; the first call of a round begins the slice."""
        now = time.perf_counter()
        if self._ends is None:
            self._ends = now + self._slice(now)
            self._call()
        return now >= self._ends

    async def wait(self, account: UUID | None) -> None:
        """Return in a round whose slice is the caller's."""
        self.end_call(_CALL.get())
        woken = self.loop.create_future()
        self._waiting.setdefault(account, deque()).append(woken)
        self._call()
        await woken
        self.is_used_up()  # the slice begins here

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self.loop.call_soon(self._begin_round)

    def _begin_round(self) -> None:
        self._called, self._ends = False, None
        if (woken := self._take()) is not None:
            woken.set_result(None)
            self._call()

    def _take(self) -> asyncio.Future[None] | None:
        """Return the next waiter; its account goes to the end of the line. Waiters that gave up are skipped."""
        while self._waiting:
            account, waiting = self._waiting.popitem(last=False)
            while waiting:
                woken = waiting.popleft()
                if not woken.done():
                    if waiting:
                        self._waiting[account] = waiting
                    return woken
        return None


_ROUNDS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds]] = WeakKeyDictionary()


class _Latest:
    """The rounds that were used last: nearly always those of the running loop, since a process has only one."""

    rounds: _Rounds | None = None


_CALL: Final[ContextVar[object]] = ContextVar("call", default=None)


@contextmanager
def short_call() -> Iterator[None]:
    """Count the block as a call that is short, for as long as it does not pause for a turn."""
    rounds = _of_running_loop()
    call = object()
    known = _CALL.set(call)
    rounds.begin_call(call)
    try:
        yield
    finally:
        rounds.end_call(call)
        _CALL.reset(known)


def _of_running_loop() -> _Rounds:
    loop, rounds = asyncio.get_running_loop(), _Latest.rounds
    if rounds is None or rounds.loop is not loop:
        rounds = _ROUNDS.get(loop)
        if rounds is None:
            rounds = _ROUNDS[loop] = _Rounds(loop)
        _Latest.rounds = rounds
    return rounds


class Turn:
    """One piece of long work on the running loop, for an account or, with None, for no account in particular."""

    __slots__ = ("_account", "_rounds")

    def __init__(self, account: UUID | None = None) -> None:
        self._rounds = _of_running_loop()
        self._account = account

    def is_over(self) -> bool:
        """Return whether the round's slice is used up. Then call ``begin``: together they are a cheaper ``pause``."""
        return self._rounds.is_used_up()

    async def pause(self) -> None:
        """Return at once while the round's slice lasts, otherwise when it is this account's turn again."""
        if self._rounds.is_used_up():
            await self._rounds.wait(self._account)

    async def begin(self) -> None:
        """Return in a round of its own, for a step that can't be interrupted, such as decoding a large body."""
        await self._rounds.wait(self._account)
