"""Checks all stored events and deliveries, round after round, a few windows at a time, and counts broken guarantees."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from waypost.store import reconciliation
from waypost.store.reconciliation import FIRST, Findings
from waypost.store.statements import Session

_LOG: Final = structlog.get_logger()
WINDOWS_A_LOOK: Final = 4


class Reconciler:
    """Keeps the findings of the last whole round; None before the first has ended, or if another keeper does it.

    ``history`` is how long deliveries are kept; those of its last day are about to be dropped and not counted.
    """

    def __init__(self, *, history: timedelta) -> None:
        self._history = history - timedelta(days=1)
        self._events: tuple[UUID, UUID] | None = None
        self._after = FIRST
        self._found = Findings()
        self.findings: Findings | None = None

    async def look(self, session: Session) -> int:
        """Check some more windows; return how many deliveries are wrong if a round has ended."""
        for _ in range(WINDOWS_A_LOOK):
            if await self._step(session):
                return self._end()
        return 0

    async def whole_round(self, session: Session, *, most_windows: int) -> Findings:
        """Check everything at once, or as much as this many windows hold."""
        for _ in range(most_windows):
            if await self._step(session):
                break
        return self._found

    async def _step(self, session: Session) -> bool:
        """Check one window: of events first, then of waiting deliveries. Return True when the round is over."""
        if self._events is None:
            self._events = await reconciliation.span(session, self._history)
        start, end = self._events
        if start < end:
            found, start = await reconciliation.count_events(session, start, end)
            self._events, over = (start, end), False
        else:
            found, after = await reconciliation.count_waiting(session, self._after)
            self._after, over = after or FIRST, after is None
        self._found += found
        return over

    def _end(self) -> int:
        self.findings, self._found = self._found, Findings()
        self._events = None
        wrong = {kind: count for kind, count in self.findings.wrong.items() if count}
        if wrong:
            _LOG.error("promise_broken", **wrong)
        return sum(wrong.values())
