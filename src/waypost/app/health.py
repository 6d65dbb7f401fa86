"""The health of a process: whether it is ready, and its metrics."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from waypost.actions.denials import DENIED
from waypost.app.supervisor import Part
from waypost.app.watchdog import STALLS
from waypost.dispatch.measures import Measures
from waypost.intake.inbox import PUSHED
from waypost.intake.unread import SKIPPED, UNREAD
from waypost.keeper.keeper import Keeper
from waypost.observe.metrics import Metrics
from waypost.store.database import ANSWER_SECONDS, Database
from waypost.store.measures import Backlog, measure_backlog
from waypost.store.outage import OUTAGES
from waypost.store.statements import SENT
from waypost.store.trouble import LOST, SENTENCES, trouble_of

Measuring = Callable[[], Awaitable[Measures | None]]


class Health:
    """What ``/health/ready`` and ``/metrics`` report.

    ``measures`` queries the dispatcher, and ``keeper`` has the last reconciliation; None if this process has none.
    """

    def __init__(
        self,
        database: Database,
        parts: tuple[Part, ...],
        measures: Measuring | None,
        keeper: Keeper | None,
        *,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._has_room = has_room
        self._database = database
        self._parts = parts
        self._measures = measures
        self._keeper = keeper
        self._metrics = Metrics(
            SENT, STALLS, denied=DENIED, unread=UNREAD, skipped=SKIPPED, pushed=PUSHED, outages=OUTAGES
        )

    async def ready(self) -> str | None:
        """Return None if requests can be served and deliveries are sent, otherwise one sentence that says why not."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._database.answer()
        except (*LOST, TimeoutError) as error:
            return SENTENCES[trouble_of(error)]
        if not self._has_room():
            return "The disk is nearly full: updates are rejected, deliveries continue."
        if waiting := [part.name for part in self._parts if not part.running]:
            return f"Not running: {', '.join(waiting)}."
        if self._measures is not None and not ((measures := await self._measures()) and measures.running):
            return "Not running: dispatcher."
        return None

    async def metrics(self) -> bytes:
        """Return the text for Prometheus, even while the database is unavailable."""
        dispatching = None if self._measures is None else await self._measures()
        findings = None if self._keeper is None else self._keeper.reconciler.findings
        return self._metrics.render(await self._backlog(), dispatching, findings, await self._backup_age())

    async def _backup_age(self) -> float | None:
        """Return how many seconds ago the newest scheduled backup was made; infinite if there is none yet."""
        if self._keeper is None or self._keeper.backups is None:
            return None
        newest = await asyncio.to_thread(self._keeper.backups.newest)
        return math.inf if newest is None else (datetime.now(UTC) - newest).total_seconds()

    async def _backlog(self) -> Backlog | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._database.engine.acquire() as session:
                return await measure_backlog(session)
        except (*LOST, TimeoutError):
            return None
