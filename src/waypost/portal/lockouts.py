"""How long somebody who guesses has to wait: longer each time, and nobody else."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final

import msgspec

WINDOW_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3_600.0
MOST_COUNTED: Final = 50_000


class _Tries(msgspec.Struct):
    """What was tried under one key since ``begun``. It is locked until ``until``, for the ``strikes``-th time."""

    begun: float
    count: int = 0
    until: float = 0.0
    strikes: int = 0


class Lockouts:
    """Locks a key after so many tries within a minute: for 1 minute, then 2, 4, and so on up to 60.

    An hour without a lock forgets earlier ones. Of very many keys those tried last are counted.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[Hashable, _Tries] = OrderedDict()

    def seconds_left(self, key: Hashable) -> float:
        """Return for how long a key is locked; 0 when it may try."""
        tries = self._tries.get(key)
        return 0.0 if tries is None else max(tries.until - self._clock(), 0.0)

    def count(self, key: Hashable, most: int) -> None:
        """Count a try before it is looked at, so that many at once are no more than ``most`` either."""
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
        """Forget the tries under a key: the last one was right."""
        self._tries.pop(key, None)

    def give_back(self, key: Hashable) -> None:
        """Count the last try under a key no more: it was right, and says nothing of the others."""
        if tries := self._tries.get(key):
            tries.count = max(tries.count - 1, 0)
