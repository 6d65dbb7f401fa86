"""Lockouts for those who guess passwords, longer each time, without affecting anybody else."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import msgspec

WINDOW_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3_600.0
MOST_COUNTED: Final = 50_000


class _Tries(msgspec.Struct):
    """The attempts under one key since ``begun``. The key is locked until ``until``, for the ``strikes``-th time."""

    begun: float
    count: int = 0
    until: float = 0.0
    strikes: int = 0


class Lockouts:
    """Locks a key after a number of attempts within a minute: for 1 minute, then 2, 4, and so on up to 60.

    Earlier lockouts are forgotten after an hour without one. If there are too many keys, the least recent are dropped.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[Hashable, _Tries] = OrderedDict()

    def seconds_left(self, key: Hashable) -> float:
        """Return the seconds for which a key is still locked; 0 if it is not locked."""
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(tries.until - self._clock(), 0.0)

    def count(self, key: Hashable, most: int) -> None:
        """Count an attempt before it is checked, so that concurrent attempts stay within ``most`` too."""
        now = self._clock()
        tries = self._tries.setdefault(key, _Tries(now))
        self._tries.move_to_end(key)
        if now - max(tries.until, tries.begun) >= LONGEST_SECONDS:
            tries.strikes = 0
        if now - tries.begun >= WINDOW_SECONDS:
            tries.begun, tries.count = now, 0
        tries.count += 1
        if tries.count >= most:
            tries.until = now + min(WINDOW_SECONDS * 2**tries.strikes, LONGEST_SECONDS)
            tries.strikes += 1
            tries.begun, tries.count = tries.until, 0
        while len(self._tries) > MOST_COUNTED:
            self._tries.popitem(last=False)

    def forget(self, key: Hashable) -> None:
        """Forget the attempts under a key after a successful one."""
        self._tries.pop(key, None)

    def give_back(self, key: Hashable) -> None:
        """Uncount the last attempt under a key: it succeeded, which says nothing about the others."""
        if tries := self._tries.get(key):
            tries.count = max(tries.count - 1, 0)
