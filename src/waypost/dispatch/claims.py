"""Claims what is due: small claims for endpoints with little in hand, beside large ones for those with more."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.dispatch import account_shares
from waypost.dispatch.attempts import LeasedDelivery, latest_begin
from waypost.dispatch.lanes import Lanes, LaneState
from waypost.dispatch.membership import Membership
from waypost.dispatch.run import clock
from waypost.dispatch.stages import Times
from waypost.store import queue
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.queue import Lane
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.statements import Session
from waypost.store.trouble import REPEATABLE

CLAIM_PAUSE_SECONDS: Final = 0.005
BUSY_CLAIM: Final = 32
HELD_BY_ACCOUNT: Final = 2
"""The part of the slots, as one in this many, that one account's deliveries may take while its endpoints are quick."""

UNKNOWN: Final = 4
"""The part of the free slots, as one in this many, that is claimed for endpoints without knowing their accounts.

A claim reads the endpoints of what it brings. Reading them before takes a statement more.
"""

RESERVED: Final = 4
"""The part of the slots, as one in this many, that is reserved for endpoints without any."""

LIGHT: Final = 8
"""A lane with fewer in hand is light, and claimed for in small claims."""

BUSY_ROOM: Final = 64
"""A lane with this much room is not light even when it is empty: it has just sent that much, quickly.

The results of a busy lane, and with them the next deliveries of its parcels, come by the hundred. Small claims for
those would cost three times the statements. The room of a lane that is idle for a moment is small again.
"""

LIGHT_LANES: Final = 64
"""The maximum lanes in a small claim. It takes a few milliseconds, whoever is in it."""

LIGHT_LANES_OF_ACCOUNT: Final = 8
"""The same for one account, while others have something due."""

MOST_MET: Final = 500
"""The maximum unknown endpoints that are read at a time before a claim."""

LIGHT_ROWS: Final = 4
"""How much a small claim takes for a lane. If there is more, the lane is light no longer after two of them."""

HEAVY_ROWS: Final = 256
"""The maximum deliveries in a large claim."""

LIGHT_PAUSE_SECONDS: Final = 0.002
"""Shorter than the other pause: somebody's only delivery may have become due."""


class Claims:
    """Remember which lanes have something due, and claim it; ``take_up`` receives what was claimed.

    A claim takes as long as it has rows. So lanes with little in hand are claimed for separately, a few rows of a few
    lanes of each account at a time: what is due for an account that sends little never waits for another's backlog. Nor
    does it wait for such a small claim of other accounts: what is hinted meanwhile is claimed beside it.
    """

    def __init__(
        self,
        database: Database,
        lanes: Lanes,
        membership: Membership,
        *,
        slots: int,
        lease: timedelta,
        take_up: Callable[[Sequence[LeasedDelivery]], None],
        give_back: Callable[[Iterable[LeasedDelivery]], None],
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._membership = membership
        self._slots = slots
        self._lease = lease
        self._take_up = take_up
        self._give_back = give_back
        self._due: dict[UUID, None] = {}
        self._small, self._large = asyncio.Event(), asyncio.Event()
        self._beside, self._hinted_beside = asyncio.Event(), dict[UUID, None]()
        self._small_for: set[UUID] | None = None
        """The accounts of the small claim in progress, if one is."""
        self._behind = dict.fromkeys((self._small, self._large), False)
        self._short = dict.fromkeys((self._small, self._large, self._beside), False)
        """Whether the last claim of a kind had to leave lanes out."""

    @property
    def is_behind(self) -> bool:
        """Whether more was due than the last claims could take."""
        return any(self._behind.values())

    def ended(self, endpoint: UUID) -> None:
        """Look at what is due if an endpoint whose attempt has ended has more, or if others had to be left out."""
        if endpoint in self._due:
            self.wake()
            return
        for kind in (self._small, self._large):
            if self._short[kind]:
                kind.set()

    def hint(self, endpoints: Iterable[UUID]) -> set[UUID]:
        """Note which of these endpoints to look at here, and return those."""
        mine = {endpoint for endpoint in endpoints if self._membership.mine(endpoint)}
        if mine:
            self._due.update(dict.fromkeys(mine))
            self.wake()
            if self._small_for is not None:
                self._hinted_beside.update(dict.fromkeys(mine))
                self._beside.set()
        return mine

    def hint_in_time(self, due: Mapping[UUID, float]) -> None:
        """Look at each of these endpoints after its number of seconds: before, there is nothing due."""
        self.hint(endpoint for endpoint, seconds in due.items() if seconds <= 0)
        for endpoint, seconds in due.items():
            if seconds > 0:
                asyncio.get_running_loop().call_later(seconds, self.hint, (endpoint,))

    def forget_others(self) -> None:
        """Forget what is due for endpoints that are not ours any more."""
        self._due = {endpoint: None for endpoint in self._due if self._membership.mine(endpoint)}

    def wake(self) -> None:
        """Look at what is due."""
        self._small.set()
        self._large.set()

    async def serve(self, dispatcher: int) -> None:
        """Claim under this dispatcher's number, without end."""
        # One claim of a kind at a time: a loop per lane would claim one by one, and pay a round trip for each. Hints
        # that arrive meanwhile are in `_due`, and wake these loops once more; those for other accounts than a small
        # claim's, which takes up to 50 ms on a loaded machine, wake the third.
        small = self._claim_loop(dispatcher, self._small, self._few_of_light, LIGHT_PAUSE_SECONDS)
        large = self._claim_loop(dispatcher, self._large, self._many_of_heavy, CLAIM_PAUSE_SECONDS)
        beside = self._claim_loop(dispatcher, self._beside, self._others_of_light, LIGHT_PAUSE_SECONDS)
        loops = [asyncio.create_task(loop) for loop in (small, large, beside)]
        try:
            await asyncio.wait(loops, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = await end(*loops)
        raise next((error for error in ended if isinstance(error, Exception)), ConnectionError("claims"))

    async def _claim_loop(
        self, dispatcher: int, wake: asyncio.Event, choose: Callable[[], list[Lane]], pause: float
    ) -> None:
        while True:
            await wake.wait()
            wake.clear()
            if len(self._due) > LIGHT_LANES:
                await self._meet()
            wanted = choose()
            if wake is self._small:
                self._small_for = {self._account(lane.endpoint) for lane in wanted}
            if wanted and await self._claim(dispatcher, wake, wanted) >= BUSY_CLAIM:
                await asyncio.sleep(pause)  # under load the next claim is worth waiting for
            if wake is self._small:
                self._small_for = None

    async def _meet(self) -> None:
        """Read endpoints that are unknown: if not all fit into a claim, it matters whose they are."""
        unknown = [endpoint for endpoint in self._due if self._lanes[endpoint].endpoint is None][:MOST_MET]
        if unknown:
            with suppress(*REPEATABLE):
                async with self._database.engine.acquire() as session:
                    await self.refresh(session, unknown)

    def _few_of_light(self) -> list[Lane]:
        """Choose among the lanes with little in hand, the longest due first, but a few of each account before others.

        Lanes that are left out stay due, and come first next time.
        """
        share = self._shares(self._small)
        of_accounts: Counter[UUID] = Counter()
        wanted, later = list[Lane](), list[UUID]()
        for endpoint in self._due:
            lane = self._lanes[endpoint]
            if lane.claiming or not _is_light(lane):
                continue
            account = self._account(endpoint)
            if of_accounts[account] >= LIGHT_LANES_OF_ACCOUNT:
                later.append(endpoint)
            elif rows := share(lane, LIGHT_ROWS):
                of_accounts[account] += 1
                wanted.append(Lane(endpoint, rows))
                if len(wanted) >= LIGHT_LANES:
                    return self._going_on(self._small, wanted)
        for endpoint in later[: LIGHT_LANES - len(wanted)]:
            if rows := share(self._lanes[endpoint], LIGHT_ROWS):
                wanted.append(Lane(endpoint, rows))
        return self._going_on(self._small, wanted) if len(wanted) >= LIGHT_LANES else wanted

    def _others_of_light(self) -> list[Lane]:
        """Choose lanes with little in hand that were hinted while a small claim was in progress for other accounts.

        Its accounts wait for their next one: with a claim for each hint, a busy account would have one for each lane.
        """
        share, hinted, self._hinted_beside = self._shares(self._beside), self._hinted_beside, {}
        wanted = list[Lane]()
        for endpoint in hinted:
            if endpoint not in self._due or self._account(endpoint) in (self._small_for or ()):
                continue
            lane = self._lanes[endpoint]
            if not lane.claiming and _is_light(lane) and (rows := share(lane, LIGHT_ROWS)):
                wanted.append(Lane(endpoint, rows))
        return wanted[:LIGHT_LANES]

    def _account(self, endpoint: UUID) -> UUID:
        """Return the account of an endpoint; one that is unknown stands for itself."""
        lane = self._lanes[endpoint]
        return endpoint if lane.endpoint is None else lane.account

    def _many_of_heavy(self) -> list[Lane]:
        """Choose among the lanes with more in hand, those with the least first."""
        share, left, wanted = self._shares(self._large), HEAVY_ROWS, list[Lane]()
        heavy = [(lane.held, endpoint) for endpoint in self._due if not _is_light(lane := self._lanes[endpoint])]
        for _, endpoint in sorted(heavy):
            lane = self._lanes[endpoint]
            if not lane.claiming and (rows := share(lane, left)):
                left -= rows
                wanted.append(Lane(endpoint, rows))
                if not left:
                    return self._going_on(self._large, wanted)
        return wanted

    def _going_on(self, wake: asyncio.Event, wanted: list[Lane]) -> list[Lane]:
        """Have the next claim follow at once: there may be lanes that this one has no room for."""
        wake.set()
        return wanted

    def _shares(self, kind: asyncio.Event) -> Callable[[LaneState, int], int]:
        """Return a function that gives a lane its share of the free slots, up to a maximum.

        The last quarter is given one by one to endpoints that have nothing in hand, so that endpoints that hang can't
        take everything; nor can an account with many endpoints.
        """
        now, reserved, allowed = clock(), self._slots // RESERVED, self._allowed()
        free = self._slots - self._lanes.promised
        self._short[kind] = False

        def share(lane: LaneState, most: int) -> int:
            nonlocal free
            for_it = max(free - reserved, min(free, 1 - lane.held), 0)
            could = min(most, lane.wanted(now))
            rows = allowed(lane, min(could, for_it))
            free -= rows
            self._short[kind] |= rows < could
            return rows

        return share

    def _allowed(self) -> Callable[[LaneState, int], int]:
        return self._lanes.allowed(account_shares.in_flight(self._slots), self._slots // HELD_BY_ACCOUNT)

    async def _claim(self, dispatcher: int, wake: asyncio.Event, wanted: list[Lane]) -> int:
        # Cleared before the claim looks: a hint that arrives during the claim must not count as answered by it.
        for lane in wanted:
            self._due.pop(lane.endpoint, None)
            self._lanes[lane.endpoint].claiming = lane.free
        before, since, claimed = latest_begin(), time.monotonic(), list[Claimed]()
        try:
            async with self._database.engine.acquire() as session:
                wanted = await self._limited(session, wanted)
                some = [lane for lane in wanted if lane.free]
                if some:
                    claimed, endpoints = await queue.claim(session, some, dispatcher=dispatcher, lease=self._lease)
                    self._read(dict.fromkeys(one.endpoint for one in claimed) | endpoints)
        except REPEATABLE:
            self.hint(lane.endpoint for lane in wanted)
            return 0
        finally:
            for lane in wanted:
                self._lanes[lane.endpoint].claiming = 0
        # Whichever kind of claim the lane is for now, it skipped it while this claim was in progress.
        hinted = any(lane.endpoint in self._due for lane in wanted)
        # A lane that filled its claim may have more. Otherwise it is empty, or others hold its rows: hints and scouts
        # find what comes due.
        found = Counter(one.endpoint for one in claimed)
        filled = [one.endpoint for one in wanted if self._lanes[one.endpoint].filled(found[one.endpoint], one.free)]
        self._due.update(dict.fromkeys(filled))
        if wake in self._behind:  # a claim beside a small one leaves the rest to the next small one
            self._behind[wake] = bool(filled)
        self._take_up([LeasedDelivery(one, before, Times(waited=one.waited, claiming_since=since)) for one in claimed])
        for lane in wanted:
            self._give_back(self._lanes[lane.endpoint].surplus(clock()))
        if hinted or (claimed and filled):
            self.wake()
        return len(claimed)

    async def _limited(self, session: Session, wanted: list[Lane]) -> list[Lane]:
        """Read endpoints that are unknown, and reduce what is wanted to what their rate limits and accounts allow."""
        unknown = [lane.endpoint for lane in wanted if self._lanes[lane.endpoint].endpoint is None]
        asked = sum(self._lanes[endpoint].claiming for endpoint in unknown)
        free = self._slots - self._lanes.promised + sum(lane.free for lane in wanted)
        if asked <= free // UNKNOWN:
            return wanted
        await self.refresh(session, unknown)
        for lane in wanted:
            self._lanes[lane.endpoint].claiming = 0
        now, allowed, limited = clock(), self._allowed(), list[Lane]()
        for lane in wanted:
            state = self._lanes[lane.endpoint]
            state.claiming = allowed(state, min(lane.free, state.wanted(now)))
            limited.append(Lane(lane.endpoint, state.claiming))
        return limited

    async def refresh(self, session: Session, endpoints: list[UUID]) -> None:
        """Reread the endpoints: deliveries are sent with their current settings, even those claimed before."""
        if endpoints:
            self._read(dict.fromkeys(endpoints) | await queue.lane_endpoints(session, endpoints))

    def _read(self, endpoints: Mapping[UUID, LaneEndpoint | None]) -> None:
        for endpoint, now in endpoints.items():
            self._lanes[endpoint].refresh(now, free_at=self._membership.settled_at, now=clock())


def _is_light(lane: LaneState) -> bool:
    return lane.held < LIGHT and lane.room < BUSY_ROOM
