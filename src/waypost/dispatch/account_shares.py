"""No more than so many attempts of one account at a time, however many endpoints it has and whatever they do."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar
from uuid import UUID

IN_FLIGHT: Final = 128
"""The most attempts of one account in one process: an eighth of its slots."""

Lane = TypeVar("Lane")


class AccountShares(Generic[Lane]):
    """Counts the attempts of each account. A lane that finds its account's share used up waits in turn.

    ``employ`` is called with a lane whose turn has come; it takes what it needs and waits again if that is not enough.
    So the endpoints of an account share what it has one by one, and none of them can keep it from the others.
    """

    def __init__(self, employ: Callable[[Lane], None], most: int = IN_FLIGHT) -> None:
        self._employ = employ
        self._most = most
        self._in_flight: Counter[UUID] = Counter()
        self._waiting: dict[UUID, OrderedDict[int, Lane]] = {}

    def take(self, account: UUID, lane: Lane) -> bool:
        """Take one of the account's share, to be left again; without room the lane waits for its turn."""
        if self._in_flight[account] >= self._most:
            self._waiting.setdefault(account, OrderedDict()).setdefault(id(lane), lane)
            return False
        self._in_flight[account] += 1
        return True

    def add(self, account: UUID) -> None:
        """Count an attempt that a person asked for: it waits for nothing, but leaves less to the account's lanes."""
        self._in_flight[account] += 1

    def must_yield(self, account: UUID) -> bool:
        """Return whether another lane of the account waits for what this one has."""
        return account in self._waiting

    def leave(self, account: UUID) -> None:
        """Leave one; the lane that waits the longest gets it."""
        self._in_flight[account] -= 1
        if not self._in_flight[account]:
            del self._in_flight[account]
        waiting = self._waiting.get(account)
        if waiting is None or self._in_flight[account] >= self._most:
            return
        _, lane = waiting.popitem(last=False)
        if not waiting:
            del self._waiting[account]
        self._employ(lane)
