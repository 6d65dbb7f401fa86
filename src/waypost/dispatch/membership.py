"""Which endpoints a dispatcher owns: the living dispatchers share them by rendezvous hashing."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from waypost.domain.rendezvous import owner

SETTLES_IN_SECONDS: Final = 3.0
"""After this long everybody has noticed that somebody joined or left, and has stopped sending for others."""


class Membership:
    """What one dispatcher knows of the others. Times are seconds of its clock."""

    def __init__(self) -> None:
        self.number = 0
        self._members: frozenset[int] = frozenset()
        self._owners: dict[UUID, int] = {}
        self.settled_at = 0.0
        """From this time on, what is ours is nobody else's any more."""
        self.retired = False

    @property
    def peers(self) -> int:
        """How many others share the endpoints."""
        return len(self._members - {self.number})

    @property
    def leads(self) -> bool:
        """Whether this dispatcher does what one of them does for all."""
        return self.number == min(self._members, default=self.number)

    def update(self, number: int, others: Iterable[int], now: float) -> bool:
        """Take the members that live beside this dispatcher, and return whether they changed."""
        members = frozenset((number, *others))
        self.retired = False
        if (number, members) == (self.number, self._members):
            return False
        if len(members) > 1 or len(self._members) > 1:
            self.settled_at = now + SETTLES_IN_SECONDS
        self.number, self._members = number, members
        self._owners.clear()
        return True

    def retire(self) -> None:
        """Own nothing until the next ``update``."""
        self.retired = True

    def mine(self, endpoint: UUID) -> bool:
        """Return whether this dispatcher owns an endpoint."""
        return not self.retired and self.owner(endpoint) == self.number

    def owner(self, endpoint: UUID) -> int:
        """Return the dispatcher that owns an endpoint."""
        if len(self._members) < 2:  # noqa: PLR2004 - nobody to share with
            return self.number
        known = self._owners.get(endpoint)
        if known is None:
            known = self._owners[endpoint] = owner(endpoint, self._members) or self.number
        return known
