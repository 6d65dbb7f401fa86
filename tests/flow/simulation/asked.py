"""Manual requests in a world, and whether they were fulfilled."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


class BrokenPromise(AssertionError):
    """Something was seen that must never be."""


@dataclass
class Asked:
    """Deliveries that people sent once more, cancelled or had recovered, and endpoints whose ordering they changed.

    ``tests`` are those by which the keeper tries endpoints that it has disabled. ``gone`` are deliveries that were
    cancelled before anybody had them; ``missed`` is what recoveries that ended have to have brought, as events and
    endpoints, and ``brought`` what they have to have brought once more.
    """

    resent: set[UUID] = field(default_factory=set)
    tests: set[UUID] = field(default_factory=set)
    recovered: set[UUID] = field(default_factory=set)
    cancelled: set[UUID] = field(default_factory=set)
    gone: set[UUID] = field(default_factory=set)
    reordered: set[UUID] = field(default_factory=set)
    missed: set[tuple[UUID, UUID]] = field(default_factory=set)
    brought: set[tuple[UUID, UUID]] = field(default_factory=set)

    @property
    def outside(self) -> set[UUID]:
        """Return the deliveries that are outside the order."""
        return self.resent | self.recovered | self.tests

    @property
    def by_hand(self) -> set[UUID]:
        """Return the deliveries that wait in no lane."""
        return self.resent | self.tests

    def judge(self, settled: list[Any]) -> None:
        """Check that each resend ended, once, and that nothing is missing that was to be recovered."""
        resent = [row["id"] for row in settled if row["resend_of"] is not None]
        if sorted(resent) != sorted(self.resent):
            raise BrokenPromise(f"resends are missing or too many: {self.resent ^ set(resent)}")
        recovered = {row["id"] for row in settled if row["recovery"] is not None}
        if recovered != self.recovered:
            raise BrokenPromise(f"recovered deliveries are missing or too many: {self.recovered ^ recovered}")
        ended = {(row["event"], row["endpoint"]) for row in settled}
        if never := self.missed - ended:
            raise BrokenPromise(f"what was missed was not recovered: {never}")
        again = {(row["event"], row["endpoint"]) for row in settled if row["recovery"] is not None}
        if never := self.brought - again:
            raise BrokenPromise(f"what was missed while its endpoint was disabled was not recovered: {never}")
