"""Splits long work on an event loop into slices: one slice per round of the loop, and accounts take turns.

Code that checks, merges or renders a lot calls ``Turn.pause`` between small pieces of work. The call returns at once
while the round's slice lasts; after that it waits until the loop has handled whatever arrived meanwhile. All long work
of a loop shares one slice per round, so a hundred long calls delay others no more than one does.

A short call waits for a slice in each of its rounds. So slices are shorter while one is in progress: a call that began
lately and has not paused itself. While another account is at work, long work also rests between its slices, and
so do the calls of an account that has many at once (``give_way``). Imports the standard library only.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

_Done = TypeVar("_Done")

NOBODY: Final = UUID(int=0)
"""All calls whose account is not known, or that have none."""

SLICE_SECONDS: Final = 0.001
"""A short call takes some ten rounds of the loop, so this is a tenth of what long work adds to it. A round without work
costs about 30 µs, so this costs long work about three percent."""
SHORTER_SLICE_SECONDS: Final = SLICE_SECONDS / 5
"""While a short call is in progress. If there always were one, long work would cost fifteen percent more."""
SHORT_CALL_SECONDS: Final = 0.1
"""A call that takes longer is waiting for something, and no slice delays it much."""
FEW_CALLS: Final = 2
"""An account with more calls in progress than this makes no others give way, and gives way itself."""
RESTS: Final = 3
"""How many times as long as a slice took an account rests while another's call is in progress: many steps can't be cut
into slices of the right length, and this keeps them to a quarter of the time."""
RESTS_BETWEEN_CALLS: Final = 1
"""The same while another account is at work without a call in progress: half of the time, its next call finds the loop
free."""
LONGEST_SLICE_SECONDS: Final = 0.005
"""A slice that took longer counts as this long: the machine was busy with something else."""
ASIDE_FROM_BYTES: Final = 16_384
"""What strangers wrote is read in a thread from this size: a mebibyte of empty scans takes seconds, less than this
30 ms at most."""
LATELY_SECONDS: Final = 1.0
"""How long after an account's last call others still let it in between their steps: its next may be on its way, and
what a round does before it arrives delays it, too."""
REMEMBERED: Final = 64
"""The number of accounts with recent calls that are remembered; two are enough to know of another."""


class _Call:
    """A call in progress; its account is known once its key or session is."""

    __slots__ = ("account", "began")

    def __init__(self, account: UUID | None) -> None:
        self.account = account
        self.began = time.perf_counter()


class _Calls:
    """The calls in progress on a loop: how many each account has, and which of them are short."""

    __slots__ = ("_lately", "_of", "_short", "_short_of")

    def __init__(self) -> None:
        self._of: Counter[UUID | None] = Counter()
        self._short: dict[_Call, None] = {}
        self._short_of: Counter[UUID | None] = Counter()
        self._lately: OrderedDict[UUID | None, float] = OrderedDict()

    def begin(self, call: _Call) -> None:
        """Count a call, as short."""
        self._of[call.account] += 1
        self._short[call] = None
        self._short_of[call.account] += 1

    def lengthen(self, call: _Call) -> None:
        """Count a call as short no more."""
        if call in self._short:
            del self._short[call]
            _less(self._short_of, call.account)

    def end(self, call: _Call) -> None:
        """Count a call no more."""
        self.lengthen(call)
        _less(self._of, call.account)

    def note(self, call: _Call, account: UUID) -> None:
        """Count a call in progress for its account."""
        is_short = call in self._short
        _less(self._of, call.account)
        self._of[account] += 1
        if is_short:
            _less(self._short_of, call.account)
            self._short_of[account] += 1
        call.account = account
        if self._of[account] <= FEW_CALLS:
            self._lately[account] = time.perf_counter()
            self._lately.move_to_end(account)
            if len(self._lately) > REMEMBERED:
                self._lately.popitem(last=False)

    def of(self, account: UUID | None) -> int:
        """Return how many calls an account has in progress."""
        return self._of[account]

    def are_short(self, now: float) -> bool:
        """Return whether a short call is in progress."""
        while self._short:
            oldest = next(iter(self._short))
            if now - oldest.began < SHORT_CALL_SECONDS:
                return True
            self.lengthen(oldest)
        return False

    def are_beside_others(self, account: UUID | None, now: float) -> bool:
        """Return whether another account with few calls has made one lately; never beside None, which is for all."""
        if account is None:
            return False
        for other in reversed(self._lately):
            if now - self._lately[other] >= LATELY_SECONDS:
                return False
            if other != account:
                return True
        return False

    def delay_others(self, account: UUID | None, now: float) -> bool:
        """Return whether what this account does would delay a short call of another one that has few."""
        return (
            account is not None
            and self.are_short(now)
            and any(other != account and self._of[other] <= FEW_CALLS for other in self._short_of)
        )


def _less(counted: Counter[UUID | None], account: UUID | None) -> None:
    counted[account] -= 1
    if not counted[account]:
        del counted[account]


class _Rounds:
    """The long work of one loop: what is left of the round's slice, and who waits for a slice, by account."""

    __slots__ = (
        "_began",
        "_called",
        "_ends",
        "_slice_ended",
        "_slice_took",
        "_timer",
        "_waiting",
        "aside",
        "calls",
        "loop",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.aside = asyncio.Lock()
        self.loop = loop
        self.calls = _Calls()
        self._began = self._slice_ended = self._slice_took = 0.0
        self._ends: float | None = None
        self._called = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: OrderedDict[UUID | None, deque[asyncio.Future[None]]] = OrderedDict()

    def end_call(self, call: _Call) -> None:
        """Count a call no more; whoever rests because of it need not any more."""
        self.calls.end(call)
        if self._timer is not None:
            self._call()

    def is_used_up(self, account: UUID | None) -> bool:
        """Return whether this round's slice is used up; the first call of a round begins the slice."""
        now = time.perf_counter()
        if self._ends is None:
            if self._rests(account, now):
                return True
            self._begin_slice(now)
            self._call()
        assert self._ends is not None  # noqa: S101 - it has begun
        return now >= self._ends

    async def wait(self, account: UUID | None) -> None:
        """Return in a round whose slice is the caller's."""
        woken = self.loop.create_future()
        self._waiting.setdefault(account, deque()).append(woken)
        self._call()
        await woken
        if self._ends is None:
            self._begin_slice(time.perf_counter())

    def _begin_slice(self, now: float) -> None:
        self._began = now
        self._ends = now + (SHORTER_SLICE_SECONDS if self.calls.are_short(now) else SLICE_SECONDS)

    def _rests(self, account: UUID | None, now: float) -> bool:
        since = now - self._slice_ended
        return (since < RESTS * self._slice_took and self.calls.delay_others(account, now)) or (
            since < RESTS_BETWEEN_CALLS * self._slice_took and self.calls.are_beside_others(account, now)
        )

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self.loop.call_soon(self._begin_round)

    def _begin_round(self) -> None:
        now = time.perf_counter()
        if self._ends is not None:
            self._slice_ended, self._slice_took = now, min(now - self._began, LONGEST_SLICE_SECONDS)
        self._called, self._ends = False, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (woken := self._take(now)) is not None:
            woken.set_result(None)
            self._call()
        elif self._waiting:  # they rest
            self._timer = self.loop.call_later(RESTS_BETWEEN_CALLS * self._slice_took, self._call)

    def _take(self, now: float) -> asyncio.Future[None] | None:
        """Return the next waiter that need not rest; its account goes to the end of the line.

        Waiters that gave up are skipped.
        """
        for account in list(self._waiting):
            waiting = self._waiting[account]
            while waiting and waiting[0].done():
                waiting.popleft()
            if not waiting:
                del self._waiting[account]
            elif not self._rests(account, now):
                woken = waiting.popleft()
                self._waiting.move_to_end(account)
                if not waiting:
                    del self._waiting[account]
                return woken
        return None


_ROUNDS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Rounds]] = WeakKeyDictionary()


class _Latest:
    """The rounds that were used last: nearly always those of the running loop, since a process has only one."""

    rounds: _Rounds | None = None


_CALL: Final[ContextVar[_Call | None]] = ContextVar("call", default=None)


@contextmanager
def short_call(account: UUID | None = NOBODY) -> Iterator[None]:
    """Count the block as a call that is short, for as long as it does not pause for a turn.

    ``note_account`` says later whose it is. With None it is the server's own and in no account's share of anything.
    """
    rounds = _of_running_loop()
    call = _Call(account)
    known = _CALL.set(call)
    rounds.calls.begin(call)
    try:
        yield
    finally:
        rounds.end_call(call)
        _CALL.reset(known)


def note_account(account: UUID) -> None:
    """Note whose call is in progress; without effect outside of one."""
    if (call := _CALL.get()) is not None:
        _of_running_loop().calls.note(call, account)


def account_of_call() -> UUID | None:
    """Return whose call is in progress: ``NOBODY`` if that is not known yet, None outside of one or if it is ours."""
    call = _CALL.get()
    return None if call is None else call.account


async def give_way() -> None:
    """Let the call go on: at once, or in its account's turn if that has many in progress and others are at work.

    A step of a call can't be cut into slices, but many calls of an account need not all take a step in one round.
    """
    if (call := _CALL.get()) is not None:
        rounds = _of_running_loop()
        is_one_of_many = rounds.calls.of(call.account) > FEW_CALLS
        if is_one_of_many and rounds.calls.are_beside_others(call.account, time.perf_counter()):
            await rounds.wait(call.account)


def _of_running_loop() -> _Rounds:
    loop, rounds = asyncio.get_running_loop(), _Latest.rounds
    if rounds is None or rounds.loop is not loop:
        rounds = _ROUNDS.get(loop)
        if rounds is None:
            rounds = _ROUNDS[loop] = _Rounds(loop)
        _Latest.rounds = rounds
    return rounds


async def aside(work: Callable[[], _Done], *, size: int) -> _Done:
    """Return what reading a text of this many bytes gives; a large one is read in a thread, for it can't be sliced.

    One is at a time: several threads would leave the event loop little of the processor.
    """
    if size < ASIDE_FROM_BYTES:
        return work()
    async with _of_running_loop().aside:
        return await asyncio.to_thread(work)


class Turn:
    """One piece of long work on the running loop, for an account or, with None, for no account in particular."""

    __slots__ = ("_account", "_rounds")

    def __init__(self, account: UUID | None = None) -> None:
        self._rounds = _of_running_loop()
        self._account = account

    def is_over(self) -> bool:
        """Return whether the round's slice is used up. Then call ``begin``: together they are a cheaper ``pause``."""
        return self._rounds.is_used_up(self._account)

    async def pause(self) -> None:
        """Return at once while the round's slice lasts, otherwise when it is this account's turn again."""
        if self._rounds.is_used_up(self._account):
            await self.begin()

    async def begin(self) -> None:
        """Return in a round of its own, for a step that can't be interrupted, such as decoding a large body."""
        if (call := _CALL.get()) is not None:
            self._rounds.calls.lengthen(call)
        await self._rounds.wait(self._account)
