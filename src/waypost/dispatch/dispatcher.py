"""Claims what is due, fairly over the endpoints, has it sent, and records what came of it."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from waypost.dispatch.run import Sender
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.endpoints import DisabledReason
from waypost.store import queue
from waypost.store.database import Database
from waypost.store.queue import Finished, Lane
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.statements import REPEATABLE, Session

_LOG: Final = structlog.get_logger()
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
SCOUT_SECONDS: Final = 1.0
LEASE_SLACK_SECONDS: Final = 30.0
RECORD_AT_ONCE: Final = 300
ENDPOINT_SLOTS: Final = 16
STOP_SECONDS: Final = 20.0


class Dispatcher:
    """One process's share of the sending. ``hint`` says that endpoints have something due.

    ``alone`` says that this process started PostgreSQL itself, so that no other dispatcher can be alive.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        *,
        timeout_seconds: float = 15.0,
        slots: int = 256,
        alone: bool = False,
    ) -> None:
        self._database = database
        self._sender = sender
        self._lease = timedelta(seconds=timeout_seconds + LEASE_SLACK_SECONDS)
        self._slots = slots
        self._alone = alone
        self._number = 0
        self._due: set[UUID] = set()
        self._held: Counter[UUID] = Counter()
        self._finished: list[Finished] = []
        self._wake, self._ended = asyncio.Event(), asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._draining = False

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Say that these endpoints have something to send; losing a hint costs a second at most."""
        self._due.update(endpoints)
        self._wake.set()

    async def serve(self, stop: asyncio.Event) -> None:
        """Dispatch until ``stop`` is set; then let what is in flight end (20 s at most) and give the leases back."""
        async with self._database.engine.acquire() as life:
            self._number = await queue.join(life)
            loops = [asyncio.create_task(step) for step in (self._claim_loop(), self._scout_loop(life))]
            recorder = asyncio.create_task(self._record_loop())
            stopping = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([*loops, recorder, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in [*loops, stopping]:
                task.cancel()
            await asyncio.gather(*loops, stopping, return_exceptions=True)
            if self._running:
                await asyncio.wait(self._running, timeout=STOP_SECONDS)
            # Never in the middle of a commit: what was sent and not recorded would be sent again.
            self._draining = True
            self._ended.set()
            await asyncio.gather(recorder, return_exceptions=True)
            await queue.leave(life, self._number)
            for task in done - {stopping}:
                task.result()

    async def _scout_loop(self, life: Session) -> None:
        """Find what hints missed, and take over from dispatchers that died."""
        while True:
            await queue.rescue(life, self._number, alone=self._alone)
            async with self._database.engine.acquire() as session:
                lanes = await queue.scout(session)
            self.hint(endpoint for endpoint, due_in in lanes.items() if due_in <= 0)
            await asyncio.sleep(SCOUT_SECONDS)

    async def _claim_loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            lanes = self._lanes()
            if lanes:
                await self._claim(lanes)

    def _lanes(self) -> list[Lane]:
        """Share the free slots: no endpoint gets more than its own, whatever it has waiting."""
        free = self._slots - self._held.total()
        lanes = []
        for endpoint in sorted(self._due, key=lambda one: self._held[one]):
            wanted = min(ENDPOINT_SLOTS - self._held[endpoint], free)
            if wanted > 0:
                free -= wanted
                lanes.append(Lane(endpoint, wanted, _LONG_AGO))
        return lanes

    async def _claim(self, lanes: list[Lane]) -> None:
        # Before the claim looks: a hint that comes while it does must not be taken for one that it has answered.
        self._due.difference_update(lane.endpoint for lane in lanes)
        async with self._database.engine.acquire() as session:
            claimed = await queue.claim(session, lanes, dispatcher=self._number, lease=self._lease)
            endpoints = await queue.lane_endpoints(session, [lane.endpoint for lane in lanes])
        found = Counter(one.endpoint for one in claimed)
        self._due.update(lane.endpoint for lane in lanes if found[lane.endpoint] == lane.free)
        for one in claimed:
            self._held[one.endpoint] += 1
            task = asyncio.create_task(self._run(one, endpoints.get(one.endpoint)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, claimed: Claimed, endpoint: LaneEndpoint | None) -> None:
        try:
            if endpoint is None or not endpoint.enabled:
                finished = Finished(claimed, None, Settled.CANCELLED, Reason.ENDPOINT_OFF)
            else:
                finished = await self._sender.run(claimed, endpoint)
        except Exception:  # noqa: BLE001 - we failed, not the endpoint: nothing is counted, the lease brings it back
            _LOG.exception("delivery_crashed", delivery=claimed.id.hex)
            self._held[claimed.endpoint] -= 1
            self._wake.set()
            return
        self._finished.append(finished)
        self._ended.set()

    async def _record_loop(self) -> None:
        while not self._draining:
            await self._ended.wait()
            self._ended.clear()
            await self._record()

    async def _record(self) -> None:
        """Commit what has ended; while one commit runs, the next batch gathers."""
        while self._finished:
            batch, self._finished = self._finished[:RECORD_AT_ONCE], self._finished[RECORD_AT_ONCE:]
            freed, late = await self._settle(batch)
            if late:
                _LOG.warning("settled_too_late", deliveries=late)
            for one in batch:
                self._held[one.claimed.endpoint] -= 1
            self.hint(freed)

    async def _settle(self, batch: list[Finished]) -> tuple[set[UUID], int]:
        gone = {one.claimed.endpoint for one in batch if one.attempt and one.attempt.outcome == Outcome.HTTP_410}
        while True:
            try:
                async with self._database.engine.acquire() as session:
                    for endpoint in gone:
                        await queue.disable(session, endpoint, DisabledReason.GONE)
                    result = await queue.settle(session, batch)
                    for endpoint in gone:
                        while await queue.cancel_lane(session, endpoint):
                            pass
                    return result
            except REPEATABLE as error:
                _LOG.warning("settle_repeated", error=repr(error))
