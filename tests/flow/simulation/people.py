"""What people do while deliveries are sent: resend, cancel, change an ordering, recover missed events."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import cast
from uuid import UUID

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import EPOCH, VirtualSession
from tests.flow.simulation.ledger import Ledger
from waypost.domain import ids
from waypost.domain.endpoints import Ordering
from waypost.domain.recoveries import Only, RecoveryState
from waypost.keeper.keeper import Keeper
from waypost.store import deliveries, delivery_changes, queue, recoveries, recovery_changes
from waypost.store.delivery_changes import Cancelled
from waypost.store.statements import Session

LOOKS_SECONDS = 7200.0
"""How often a recovery is advanced; the real keeper does so every second."""

Later = Callable[[float, Callable[[], Awaitable[None]]], None]
_ALL = "select id from due union all select id from settled order by id"
_WAITING = "select id from due order by id"
_IN_FLIGHT = "select id from due where leased_until > now() order by id"
_RECOVERED = """
select id from due where recovery is not null union all select id from settled where recovery is not null
"""
_REORDER = "update endpoint set ordering = $2, updated_at = now() where id = $1"
_MISSED = """
select e.id from event e
where e.account = $1 and not exists (select from due d where d.event = e.id and d.endpoint = $2)
  and not exists (select from settled s where s.event = e.id and s.endpoint = $2)
"""


@dataclass
class People:
    """The people of one account. ``later`` schedules something in this number of seconds."""

    chance: Random
    work: VirtualSession
    account: UUID
    ledger: Ledger
    keeper: Keeper
    later: Later

    @property
    def _session(self) -> Session:
        return cast("Session", self.work)

    def plan(self, endpoints: list[UUID], bursts: list[datetime]) -> None:
        """Plan some of what they do: while much is under way, or hours after that."""
        for _ in range(self.chance.randint(1, 4)):
            endpoint = self.chance.choice(endpoints)
            what = self.chance.choice(
                (self._resend, self._cancel, partial(self._reorder, endpoint), partial(self.recover, endpoint))
            )
            after = self.chance.choice((0.1, 3, 18, 60, 3 * 3600))
            self.later((self.chance.choice(bursts) - EPOCH).total_seconds() + after, what)

    async def _delivery(self, of: str) -> deliveries.DeliveryRow | None:
        known = [row["id"] for row in await self.work.fetch(of)]
        return await deliveries.find(self._session, self.account, self.chance.choice(known)) if known else None

    async def _resend(self) -> None:
        row = await self._delivery(_ALL)
        if row is not None:
            bits = self.chance.getrandbits(62)
            made = await delivery_changes.insert_resend(self._session, self.account, row, random=bits)
            self.ledger.asked.resent |= {made} if made else set()

    async def _cancel(self) -> None:
        row = await self._delivery(_IN_FLIGHT) or await self._delivery(_WAITING)
        if row is None:
            return
        done, _ = await delivery_changes.cancel_delivery(self._session, row)
        if done is not Cancelled.NOT_THERE:
            self.ledger.asked.cancelled.add(row.id)
        if done is Cancelled.AT_ONCE:
            self.ledger.asked.gone.add(row.id)

    async def _reorder(self, endpoint: UUID) -> None:
        ordering = self.chance.choice(list(Ordering))
        await self.work.execute(_REORDER, endpoint, ordering.value)
        self.ledger.orderings[endpoint] = ordering
        self.ledger.asked.reordered.add(endpoint)
        after: UUID | None = ids.FIRST
        while ordering is Ordering.UNORDERED and after is not None:
            after = await queue.free_lane(self._session, endpoint, after)

    async def recover(self, endpoint: UUID) -> None:
        """Have what the endpoint missed sent to it, from the beginning until now."""
        now = self.work.clock.now
        recovery = ids.make_id(int(now.timestamp() * 1000), 0, self.chance.getrandbits(62))
        added = await recovery_changes.insert_recovery(
            self._session,
            recovery=recovery,
            account=self.account,
            endpoint=endpoint,
            only=Only.MISSED,
            since=EPOCH - timedelta(days=1),
            until=now,
            dry_run=False,
        )
        if added:
            missed = {row["id"] for row in await self.work.fetch(_MISSED, self.account, endpoint)}
            await self.carry_on(recovery, endpoint, missed)

    async def carry_on(self, recovery: UUID, endpoint: UUID, missed: set[UUID], *, once_more: bool = False) -> None:
        """Advance a recovery until it has ended. ``once_more``: it also brings what was cancelled with its endpoint."""
        await self.keeper.recover(self._session)
        rows = await self.work.fetch(_RECOVERED)
        self.ledger.asked.recovered |= {row["id"] for row in rows}
        row = await recoveries.find(self._session, self.account, recovery)
        if row is None:
            raise BrokenPromise(f"the recovery {recovery} is not there any more")
        if row.state == RecoveryState.RUNNING:
            self.later(LOOKS_SECONDS, lambda: self.carry_on(recovery, endpoint, missed, once_more=once_more))
        elif row.state == RecoveryState.DONE:
            brought = self.ledger.asked.brought if once_more else self.ledger.asked.missed
            brought |= {(event, endpoint) for event in missed}
