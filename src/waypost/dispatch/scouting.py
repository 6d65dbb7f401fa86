"""Finds what lost hints missed: one dispatcher looks at all lanes, and hints to the others which of theirs are due.

A look at the lanes of one dispatcher would be more expensive. An index can find the lanes that have something due, but
not those of them that rendezvous hashing gives to a dispatcher, so each would try all endpoints that it owns. With
10,000 endpoints, of which 100 (1,000) have something due, one look at all takes PostgreSQL 0.2 ms (2 ms), and the looks
of two dispatchers at their own take 3.4 ms (12 ms). Only if all have something due is it the other way round (50 and
33 ms), and then claims cost far more. Idle installations with 1, 2 and 4 dispatchers send 5, 9 and 15 statements a
second.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Final
from uuid import UUID

from waypost.dispatch.membership import Membership
from waypost.store import hints, queue
from waypost.store.hints import Hint
from waypost.store.statements import Session

SCOUT_SECONDS: Final = 1.0
AT_REST_SECONDS: Final = 4.0
"""The same at rest, if this dispatcher is the only one and nothing is unsettled. In a process that does everything it
is ``rest.ALONE_SECONDS``. A dispatcher that joins sends a hint, so that it sees at once that this one works."""
SILENT_SECONDS: Final = 2.5
"""A dispatcher that has heard of no look for this long looks for itself: the first of them may be paused."""
AT_A_TIME: Final = 150
"""The maximum lanes in a hint, which fits into a notification."""


class Scout:
    """Decides whose turn it is to look. ``clock`` returns seconds."""

    def __init__(self, membership: Membership, clock: Callable[[], float]) -> None:
        self._membership = membership
        self._clock = clock
        self._heard_at: float | None = None
        self.found_nothing = False
        """Whether the last look found no delivery that is unsettled."""

    @property
    def is_due(self) -> bool:
        """Whether this dispatcher is the one that looks, or heard of nobody who does."""
        silent = self._heard_at is None or self._clock() - self._heard_at > SILENT_SECONDS
        return silent or self._membership.leads

    def heard(self) -> None:
        """Note that another dispatcher has looked."""
        self._heard_at = self._clock()

    async def look(self, session: Session) -> dict[UUID, float]:
        """Return the seconds until this dispatcher's lanes are due, of those that are before the next look.

        The other dispatchers get hints about theirs.
        """
        due: defaultdict[int, dict[UUID, float]] = defaultdict(dict)
        lanes_due = await queue.scout(session)
        self.found_nothing = not lanes_due
        for endpoint, seconds in lanes_due.items():
            if seconds < SCOUT_SECONDS:
                due[self._membership.owner(endpoint)][endpoint] = max(0.0, seconds)
        mine = due.pop(self._membership.number, {})
        for owner, theirs in due.items():
            lanes = list(theirs.items())
            for start in range(0, len(lanes), AT_A_TIME):
                await hints.tell(session, Hint(owner=owner, due=dict(lanes[start : start + AT_A_TIME])))
        if self._membership.peers:
            await hints.tell(session, Hint(scouted=True))
        return mine
