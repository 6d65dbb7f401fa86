"""A world of two weeks: while everything else happens, the keeper watches the endpoints, and alerts are sent."""

from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from tests.flow.simulation import receivers
from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import EPOCH, VirtualServer
from tests.flow.simulation.health import HealthLedger, Seen, announcements, see
from tests.flow.simulation.telling import Telling
from tests.flow.simulation.trouble import Trouble
from tests.flow.simulation.world import World
from waypost.domain.endpoints import DisabledReason
from waypost.keeper.endpoint_health import EndpointHealth
from waypost.store import partitions
from waypost.store.statements import Session

HORIZON = timedelta(days=13)
_CHOICES = "update endpoint set disable_after_days = $2, recover_automatically = $3 where id = $1"
_EMPTY = "delete from delivery_hours where endpoint = any ($1::uuid[])"
_RECOVERIES = "select id, endpoint, only_what, dry_run from recovery where created_at = $1 and state = 'running'"
_MISSED = """
select e.id from event e
where e.account = $1 and uuid_extract_timestamp(e.id) >= $3::timestamptz - interval '5 minutes'
  and not exists (select from due d where d.event = e.id and d.endpoint = $2)
  and not exists (select from settled s where s.event = e.id and s.endpoint = $2
                  and s.reason is distinct from 'endpoint_off')
"""


class Weeks(World):
    """``health`` judges what the keeper does, ``telling`` what people get to know of it."""

    def __init__(self, seed: int, server: VirtualServer, trouble: Trouble) -> None:
        super().__init__(seed, server, trouble)
        characters = self._receivers.characters
        for url in characters:
            characters[url] = receivers.draw_for_weeks(self._chance, parcels=self._parcels)
        self._duty = EndpointHealth(history=timedelta(days=30), random_bits=self._chance.getrandbits)
        self._prepared: datetime | None = None
        self.health = HealthLedger(self._ledger)
        self.telling = Telling(self._chance, self._database, self._work, self._account, trouble, self._in)

    @property
    def _session(self) -> Session:
        return cast("Session", self._work)

    async def _begin(self) -> None:
        await super()._begin()
        await self._work.execute(_EMPTY, self._endpoints)
        for endpoint in self._endpoints:
            days = self._chance.choice((7, 7, 3, 3, 2, None))
            self.health.days[endpoint] = days
            await self._work.execute(_CHOICES, endpoint, days, self._chance.random() < 0.5)
            if self._chance.random() < 0.4:
                at = EPOCH + timedelta(days=self._chance.uniform(6, 12))
                self._plan(at, lambda endpoint=endpoint: self._switch(endpoint, None))  # type: ignore[misc]
        await self.telling.begin()
        self._in(10, self._watch)

    async def _watch(self) -> None:
        """Let the keeper look once, and judge what it does."""
        now = self._clock.now
        if self._prepared is None or now - self._prepared > timedelta(days=1):
            await partitions.create_ahead(self._session)
            self._prepared = now
        before = await see(self._work)
        await self._duty.look(self._session)
        if self._chance.random() < 0.1 and await self._duty.look(self._session):
            raise BrokenPromise(f"at {now} a second look changed something")
        after = await see(self._work)
        self._ledger.asked.tests |= set(after.tests)
        self._ledger.was_off |= {one for one, reason in after.reasons.items() if reason is not None}
        began = {one: self.health.began_failing(one) for one in after.reasons}
        self.health.judge(before, after, await announcements(self._work), now)
        await self._keeper.sweep(self._session)
        await self._follow_recoveries(before, after, began)
        self.telling.carry_on()
        if now - EPOCH < HORIZON:
            is_close = "failing" in after.reasons.values()
            minutes = self._chance.uniform(8, 50) if is_close else self._chance.choice((1, 60, 200, 360))
            self._in(60 * minutes, self._watch)

    async def _follow_recoveries(self, before: Seen, after: Seen, began: dict[UUID, datetime | None]) -> None:
        """Advance what the keeper has begun to recover, where that was chosen, and nowhere else."""
        rows = await self._work.fetch(_RECOVERIES, self._clock.now)
        chosen = {row["id"] for row in await self._work.fetch("select id from endpoint where recover_automatically")}
        enabled = {one for one, was in before.reasons.items() if was == "failing" and after.reasons[one] is None}
        if [row["endpoint"] for row in rows] != sorted(enabled & chosen):
            raise BrokenPromise(f"of {enabled} the keeper recovers what {rows} missed, though {chosen} want it")
        for row in rows:
            since = began[row["endpoint"]] or EPOCH
            missed = {one["id"] for one in await self._work.fetch(_MISSED, self._account, row["endpoint"], since)}
            await self._people.carry_on(row["id"], row["endpoint"], missed, once_more=True)

    async def _switch(self, endpoint: UUID, reason: DisabledReason | None) -> None:
        was = await self._work.fetchrow("select enabled from endpoint where id = $1", endpoint)
        await super()._switch(endpoint, reason)
        if reason is None and not was["enabled"]:
            self.health.switched_on(endpoint, self._clock.now)

    async def _judge(self) -> None:
        await super()._judge()
        await self.telling.judge(self._work)
