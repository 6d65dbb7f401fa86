"""Enforces the quotas of accounts. Usage is cached for some seconds, so a quota can be exceeded slightly."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.refusals import Conflict
from waypost.domain.quotas import Quota, Usage, reached
from waypost.store import quota_changes, quotas
from waypost.store.database import Database

REMEMBER_SECONDS: Final = 10.0
REMEMBERED: Final = 4096


class _Known(msgspec.Struct):
    """The cached quota and usage of an account; ``uncounted`` updates are not yet in the database."""

    until: float
    quota: Quota
    usage: Usage
    uncounted: int = 0


class Quotas:
    """The quotas of this installation; ``usual`` is the default for accounts without their own."""

    def __init__(self, database: Database, usual: Quota, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._usual = usual
        self._clock = clock
        self._accounts: OrderedDict[UUID, _Known] = OrderedDict()

    async def of(self, account: UUID) -> tuple[Quota, Usage]:
        """Return an account's quota and usage, read from the database."""
        known = await self._learn(account)
        return known.quota, known.usage

    async def check(self, account: UUID, *, parcels: int = 0, updates: int = 0) -> None:
        """Raise Conflict if this many more parcels or updates would exceed a quota."""
        known = await self._know(account)
        if (sentence := reached(known.quota, known.usage, parcels=parcels, updates=updates)) is not None:
            raise Conflict("quota_reached", sentence)

    async def has_room(self, account: UUID) -> bool:
        """Return whether the account can register another parcel."""
        known = await self._know(account)
        return reached(known.quota, known.usage, parcels=1) is None

    def note(self, account: UUID, *, parcels: int = 0, updates: int = 0) -> None:
        """Count an account's new parcels and updates, if it has quotas."""
        known = self._accounts.get(account)
        if known is None or not known.quota.is_set:
            return
        known.uncounted += updates
        known.usage = msgspec.structs.replace(
            known.usage, parcels=known.usage.parcels + parcels, updates_today=known.usage.updates_today + updates
        )

    def learn(self, account: UUID, own: Quota, usage: Usage) -> None:
        """Cache an account's own quota and usage, which were just read, unless what is cached is still used."""
        known = self._accounts.get(account)
        if known is None or (known.until <= self._clock() and not known.uncounted):
            self._keep(account, own, usage)

    async def _know(self, account: UUID) -> _Known:
        known = self._accounts.get(account)
        return known if known is not None and known.until > self._clock() else await self._learn(account)

    async def _learn(self, account: UUID) -> _Known:
        known = self._accounts.get(account)
        uncounted = 0
        if known is not None:
            uncounted, known.uncounted = known.uncounted, 0
        async with self._database.serving.acquire() as session:
            if uncounted:
                await quota_changes.count_updates(session, account, uncounted)
            own, usage = await quotas.find(session, account)
        late = 0 if known is None else known.uncounted  # reported during the query
        return self._keep(account, own, usage, late)

    def _keep(self, account: UUID, own: Quota, usage: Usage, uncounted: int = 0) -> _Known:
        fresh = _Known(self._clock() + REMEMBER_SECONDS, own.over(self._usual), usage, uncounted)
        self._accounts[account] = fresh
        self._accounts.move_to_end(account)
        while len(self._accounts) > REMEMBERED:
            self._accounts.popitem(last=False)
        return fresh
