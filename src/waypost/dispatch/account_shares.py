"""Limits the attempts of one account in flight, however many endpoints it has and whatever they do."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar
from uuid import UUID

IN_FLIGHT: Final = 128
"""The maximum attempts of one account in one process: an eighth of the usual slots."""

LEFT_TO_OTHERS: Final = 4
"""The part of the slots, as one in this many, that one account leaves to others in a process with few of them."""

Lane = TypeVar("Lane")


def in_flight(slots: int) -> int:
    """Return the maximum attempts of one account in a process with this many slots."""
    return min(IN_FLIGHT, slots - slots // LEFT_TO_OTHERS)


class AccountShares(Generic[Lane]):
    """Counts the attempts of each account. If the account's share is used up, a lane waits for its turn.

    ``employ`` is called with a lane whose turn has come; the lane takes what it needs and waits again if that is not
    enough. So the endpoints of an account share it one by one, and none can keep it from the others.
    """

    def __init__(self, employ: Callable[[Lane], None], most: int) -> None:
        self._employ = employ
        self._most = most
        self._in_flight: Counter[UUID] = Counter()
        self._waiting: dict[UUID, OrderedDict[int, Lane]] = {}

    def take(self, account: UUID, lane: Lane) -> bool:
        """Take one of the account's share, to be released later; if none is left, the lane waits for its turn."""
        if self._in_flight[account] >= self._most:
            self._waiting.setdefault(account, OrderedDict()).setdefault(id(lane), lane)
            return False
        self._in_flight[account] += 1
        return True

    def add(self, account: UUID) -> None:
        """Count an attempt requested by a person: it never waits, but leaves less to the account's lanes."""
        self._in_flight[account] += 1

    def must_yield(self, account: UUID) -> bool:
        """Return whether another lane of the account is waiting for a share that this one has."""
        return account in self._waiting

    def leave(self, account: UUID) -> None:
        """Release one; the lane that has waited longest gets it."""
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
