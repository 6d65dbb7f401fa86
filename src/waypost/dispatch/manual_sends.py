"""Sends tests and resends as they come, beside the lanes: nothing that waits or hangs there delays them."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.dispatch.attempts import Attempts, Leased, begin_before
from waypost.domain.deliveries import Reason, Settled
from waypost.store import queue
from waypost.store.database import Database
from waypost.store.rows import Finished, LaneEndpoint
from waypost.store.statements import REPEATABLE

AT_ONCE: Final = 16
"""Tests and resends that are claimed at a time."""

MOST_IN_FLIGHT: Final = 4
"""An endpoint that has so many of them in flight is left out of the next claim: a script that resends thousands gets no
more of the connections than an endpoint's lane does."""


class ManualSends:
    """Claims the tests and resends of every endpoint, whoever owns its lane.

    ``recovered`` hears of each endpoint that accepted one: its breaker need not wait for the next probe.
    """

    def __init__(
        self,
        database: Database,
        attempts: Attempts,
        *,
        lease: timedelta,
        recovered: Callable[[UUID], Awaitable[None]],
    ) -> None:
        self._database = database
        self._attempts = attempts
        self._lease = lease
        self._recovered = recovered
        self._wake = asyncio.Event()
        self._in_flight: Counter[UUID] = Counter()

    def hint(self) -> None:
        """Say that a test or a resend waits."""
        self._wake.set()

    async def serve(self, dispatcher: int) -> None:
        """Claim and send under this dispatcher's number, without end."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            with suppress(*REPEATABLE):
                await self._claim(dispatcher)

    async def _claim(self, dispatcher: int) -> None:
        before = begin_before()
        busy = [endpoint for endpoint, count in self._in_flight.items() if count >= MOST_IN_FLIGHT]
        async with self._database.engine.acquire() as session:
            claimed = await queue.claim_by_hand(session, AT_ONCE, busy=busy, dispatcher=dispatcher, lease=self._lease)
            names = [one.endpoint for one in claimed]
            endpoints = await queue.lane_endpoints(session, names) if names else {}
        for one in claimed:
            self._in_flight[one.endpoint] += 1
            self._attempts.start(self._attempt(Leased(one, before), endpoints.get(one.endpoint)))
        if len(claimed) == AT_ONCE:
            self._wake.set()

    async def _attempt(self, leased: Leased, endpoint: LaneEndpoint | None) -> None:
        """Send a test even to an endpoint that is disabled."""
        claimed = leased.claimed
        try:
            if endpoint is None or endpoint.deleted or not (endpoint.enabled or claimed.sample is not None):
                finished = Finished(claimed, None, Settled.CANCELLED, Reason.ENDPOINT_OFF)
            else:
                finished = await self._attempts.make(leased, endpoint)
        finally:
            self._leave(claimed.endpoint)
        self._attempts.record(finished)
        if finished.state is Settled.DELIVERED:
            await self._recovered(claimed.endpoint)

    def _leave(self, endpoint: UUID) -> None:
        """Count it as ended; what the endpoint was left out for is claimed now."""
        if self._in_flight[endpoint] == MOST_IN_FLIGHT:
            self._wake.set()
        self._in_flight[endpoint] -= 1
        if not self._in_flight[endpoint]:
            del self._in_flight[endpoint]
