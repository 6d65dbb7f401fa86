"""Keeps accounts to their quotas. What they use is remembered for some seconds: a quota may be passed by a little."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.refusals import Conflict
from waypost.domain.quotas import Quota, Usage, reached
from waypost.store import quotas
from waypost.store.database import Database

REMEMBER_SECONDS: Final = 10.0
REMEMBERED: Final = 4096


class _Known(msgspec.Struct):
    """What is known of an account until a time; ``uncounted`` updates are not in the database yet."""

    until: float
    quota: Quota
    usage: Usage
    uncounted: int = 0


class Quotas:
    """The quotas of this installation; ``usual`` are those of accounts for which nothing else is set."""

    def __init__(self, database: Database, usual: Quota, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._usual = usual
        self._clock = clock
        self._accounts: OrderedDict[UUID, _Known] = OrderedDict()

    async def of(self, account: UUID) -> tuple[Quota, Usage]:
        """Return what an account may use, and what it uses, read anew."""
        known = await self._learn(account)
        return known.quota, known.usage

    async def check(self, account: UUID, *, parcels: int = 0, updates: int = 0) -> None:
        """Raise Conflict where so many more parcels or updates would pass a quota."""
        known = await self._know(account)
        if (sentence := reached(known.quota, known.usage, parcels=parcels, updates=updates)) is not None:
            raise Conflict("quota_reached", sentence)

    async def has_room(self, account: UUID) -> bool:
        """Return whether the account may register another parcel."""
        known = await self._know(account)
        return reached(known.quota, known.usage, parcels=1) is None

    def note(self, account: UUID, *, parcels: int = 0, updates: int = 0) -> None:
        """Count what an account registered and reported, where it has quotas."""
        known = self._accounts.get(account)
        if known is None or not known.quota.is_set:
            return
        known.uncounted += updates
        known.usage = msgspec.structs.replace(
            known.usage, parcels=known.usage.parcels + parcels, updates_today=known.usage.updates_today + updates
        )

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
                await quotas.count_updates(session, account, uncounted)
            own, usage = await quotas.find(session, account)
        late = 0 if known is None else known.uncounted  # reported while this was asked
        fresh = _Known(self._clock() + REMEMBER_SECONDS, own.over(self._usual), usage, late)
        self._accounts[account] = fresh
        self._accounts.move_to_end(account)
        while len(self._accounts) > REMEMBERED:
            self._accounts.popitem(last=False)
        return fresh
