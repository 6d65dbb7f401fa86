"""Sends tests and resends as they arrive, beside the lanes: nothing that waits or hangs there delays them."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.dispatch.account_shares import AccountShares
from waypost.dispatch.attempts import Attempts, LeasedDelivery, latest_begin
from waypost.dispatch.lanes import LaneState
from waypost.dispatch.stages import Times
from waypost.domain.deliveries import Reason, Settled
from waypost.store import queue
from waypost.store.database import Database
from waypost.store.queue import Manual
from waypost.store.rows import Finished, LaneEndpoint
from waypost.store.trouble import REPEATABLE

AT_ONCE: Final = 16
"""The maximum tests and resends that are claimed at a time."""

MOST_IN_FLIGHT: Final = 4
"""An endpoint with this many in flight is left out of the next claim.

So a script that resends thousands gets no more of the connections than an endpoint's lane does.
"""

MOST_OF_ACCOUNT: Final = 16
"""The same limit for an account, whose tests of silent receivers last as long as an attempt may take.

It is higher than that of an endpoint, so that one that hangs does not delay the account's others.
"""


class ManualSends:
    """Claims the tests and resends of every endpoint, whoever owns its lane.

    Only a few are in flight per endpoint and per account: those beyond are left out of the next claim, so that no
    number of tests of a silent receiver delays another account's. ``recovered`` is called for each endpoint that
    accepted one: its breaker need not wait for the next probe.
    """

    def __init__(
        self,
        database: Database,
        attempts: Attempts,
        shares: AccountShares[LaneState],
        *,
        lease: timedelta,
        recovered: Callable[[UUID], Awaitable[None]],
    ) -> None:
        self._database = database
        self._attempts = attempts
        self._shares = shares
        self._lease = lease
        self._recovered = recovered
        self._wake = asyncio.Event()
        self._of_endpoints: Counter[UUID] = Counter()
        self._of_accounts: Counter[UUID] = Counter()

    def hint(self) -> None:
        """Hint that a test or a resend is waiting."""
        self._wake.set()

    async def serve(self, dispatcher: int) -> None:
        """Claim and send under this dispatcher's number, without end."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            with suppress(*REPEATABLE):
                await self._claim(dispatcher)

    async def _claim(self, dispatcher: int) -> None:
        before, since = latest_begin(), time.monotonic()
        busy = _at(self._of_endpoints, MOST_IN_FLIGHT), _at(self._of_accounts, MOST_OF_ACCOUNT)
        wanted = Manual(AT_ONCE, MOST_IN_FLIGHT, *busy)
        async with self._database.engine.acquire() as session:
            claimed = await queue.claim_by_hand(session, wanted, dispatcher=dispatcher, lease=self._lease)
            names = [one.endpoint for one in claimed]
            endpoints = await queue.lane_endpoints(session, names) if names else {}
        for one in claimed:
            if (endpoint := endpoints.get(one.endpoint)) is not None:
                self._begin(endpoint)
            leased = LeasedDelivery(one, before, Times(waited=one.waited, claiming_since=since))
            self._attempts.begin(leased)
            self._attempts.start(self._attempt(leased, endpoint))
        if claimed:  # an endpoint that had more to send may have more
            self._wake.set()

    async def _attempt(self, leased: LeasedDelivery, endpoint: LaneEndpoint | None) -> None:
        """Send a test, even to a disabled endpoint."""
        claimed = leased.claimed
        try:
            if endpoint is None or endpoint.deleted or not (endpoint.enabled or claimed.sample is not None):
                finished = Finished(claimed, None, Settled.CANCELLED, Reason.ENDPOINT_OFF)
            else:
                finished = await self._attempts.make(leased, endpoint)
        finally:
            if endpoint is not None:
                self._end(endpoint)
        self._attempts.record(leased, finished)
        if finished.state is Settled.DELIVERED:
            await self._recovered(claimed.endpoint)

    def _begin(self, endpoint: LaneEndpoint) -> None:
        """Count it at once, so that the next claim knows about it."""
        self._of_endpoints[endpoint.id] += 1
        self._of_accounts[endpoint.account] += 1
        self._shares.add(endpoint.account)

    def _end(self, endpoint: LaneEndpoint) -> None:
        """Count it as ended; what its endpoint or account was left out for is claimed now."""
        self._shares.leave(endpoint.account)
        if _leave(self._of_endpoints, endpoint.id, MOST_IN_FLIGHT) | _leave(
            self._of_accounts, endpoint.account, MOST_OF_ACCOUNT
        ):
            self._wake.set()


def _leave(counts: Counter[UUID], key: UUID, most: int) -> bool:
    """Count one less, and return whether the limit had been reached."""
    was_busy = counts[key] == most
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
    return was_busy


def _at(counts: Counter[UUID], most: int) -> list[UUID]:
    return [key for key, count in counts.items() if count >= most]
