"""Claims what is due, fairly among the endpoints, and sends it; the recorder commits the results."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final
from uuid import UUID

from waypost.dispatch import account_shares, scouting
from waypost.dispatch.account_shares import AccountShares
from waypost.dispatch.attempts import LEASE_SLACK_SECONDS, Attempts, LeasedDelivery, latest_begin
from waypost.dispatch.claims import Claims
from waypost.dispatch.gone import GoneLanes
from waypost.dispatch.lanes import Lanes, LaneState
from waypost.dispatch.manual_sends import ManualSends
from waypost.dispatch.measures import Measures
from waypost.dispatch.membership import Membership
from waypost.dispatch.recorder import Recorder
from waypost.dispatch.run import Sender, clock
from waypost.dispatch.scouting import Scout
from waypost.dispatch.stages import Times
from waypost.dispatch.suspects import Suspects, given_up
from waypost.domain.breaker import BreakerState
from waypost.domain.deliveries import Reason, Settled
from waypost.rest import stir, until_next_look
from waypost.store import dispatchers, hints
from waypost.store.database import Database
from waypost.store.dispatchers import DispatcherSlot
from waypost.store.ending import end
from waypost.store.hints import Hint
from waypost.store.rows import Finished
from waypost.store.statements import Session, until_gone
from waypost.store.trouble import LOST, REPEATABLE, Unreachable

STOP_SECONDS: Final = 20.0


class Dispatcher:
    """One process's share of the sending. ``hint`` says that endpoints have something due.

    ``slots`` is the maximum attempts in flight. ``place`` is its place under a parent process. ``tell_others`` receives
    hints that arrive here but concern another dispatcher. ``leave_to_others``, if given, is called in place of an
    attempt of a delivery that is suspected of crashing its process. ``stop_seconds`` is how long attempts in flight may
    take to end. ``serve`` may be called again after it raised because PostgreSQL was unavailable (attempts that are in
    flight or not yet recorded are kept), and after it was stopped.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        *,
        timeout_seconds: float = 15.0,
        slots: int = 1024,
        place: DispatcherSlot | None = None,
        tell_others: Callable[[Iterable[UUID]], None] | None = None,
        leave_to_others: Callable[[], None] | None = None,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._database = database
        self._sender, self._stop_seconds = sender, stop_seconds
        self._lease = timedelta(seconds=timeout_seconds + LEASE_SLACK_SECONDS)
        self._suspects = Suspects(
            clock, timeout_seconds=timeout_seconds, lease=self._lease, leave_to_others=leave_to_others
        )
        self._place = place
        self._number: int | None = None
        self._lanes, self._membership = Lanes(), Membership()
        self._scout = Scout(self._membership, clock)
        self._tell_others = tell_others or (lambda _endpoints: None)
        self._look, self._is_entitled = asyncio.Event(), False
        self.is_serving = False
        """Whether it claims what is due."""
        self._gone = GoneLanes(database)
        self._recorder = Recorder(database, self.hint, pause=self._pause, gone=self._gone.add)
        self._attempts = Attempts(sender, self._recorder)
        self._shares = AccountShares(self._employ, account_shares.in_flight(slots))
        self._claims = Claims(
            *(database, self._lanes, self._membership),
            slots=slots,
            lease=self._lease,
            take_up=self._take_up,
            give_back=self._attempts.give_back,
        )
        self._manual = ManualSends(
            database, self._attempts, self._shares, lease=self._lease, recovered=self._tell_recovered
        )

    @property
    def in_flight(self) -> int:
        """How many attempts are in flight."""
        return sum(lane.in_flight for lane in self._lanes.values())

    @property
    def in_hand(self) -> int:
        """How many deliveries are in flight, or claimed and waiting for a slot."""
        return self._lanes.held

    @property
    def is_behind(self) -> bool:
        """Whether more was due than the last claims could take."""
        return self._claims.is_behind

    @property
    def peers(self) -> int:
        """How many other dispatchers share the endpoints."""
        return self._membership.peers

    def hint(self, endpoints: Iterable[UUID]) -> None:
        """Hint that these endpoints have something to send; a lost hint costs a second at most."""
        stir()
        due = set(endpoints)
        self._tell_others(due - self._claims.hint(due))

    def _probe_now(self, endpoints: Iterable[UUID]) -> set[UUID]:
        """Probe at once those of these endpoints that are owned here and have an open breaker; return those owned."""
        mine = self._claims.hint(endpoints)
        for endpoint in mine & self._lanes.keys():
            self._lanes[endpoint].probe_now(clock())
        return mine

    def _pause(self, endpoint: UUID) -> float:
        """Return the seconds until an endpoint's next probe, 0 if its breaker is not open."""
        lane = self._lanes.get(endpoint)
        return 0.0 if lane is None else lane.pause(clock())

    def hint_by_hand(self) -> None:
        """Hint that a test or a resend is waiting; a lost hint costs a second at most."""
        self._manual.hint()

    def heard(self, hint: Hint) -> None:
        """Handle a hint that came from another process."""
        if hint.scouted:
            self._scout.heard()
        else:
            stir()
        if hint.owner == self._number:
            self._claims.hint_in_time(hint.due)
        self._claims.hint(hint.endpoints)
        self._probe_now(hint.recovered)
        if hint.by_hand:
            self.hint_by_hand()
        if hint.all:
            self._look.set()

    def measures(self) -> Measures:
        """Return the current measures of the dispatching."""
        breakers = Counter(lane.breaker.state.value for lane in self._lanes.values())
        breakers.pop(BreakerState.CLOSED.value, None)
        return Measures(
            running=self.is_serving,
            in_flight=self.in_flight,
            unrecorded=self._recorder.unrecorded,
            peers=self.peers,
            suspects=self._suspects.known,
            attempts=dict(self._attempts.counts.attempts),
            latency=list(self._attempts.counts.latency),
            latency_seconds=self._attempts.counts.latency_seconds,
            stages=self._recorder.stages.counts,
            stage_seconds=self._recorder.stages.seconds,
            breakers=dict(breakers),
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Dispatch until ``stop`` is set; then leave all to the others, except attempts in flight, which finish."""
        async with self._database.life.acquire() as life:
            number = await self._join(life)
            self._membership.update(number, await dispatchers.rescue(life, number, place=self._place), clock())
            async with hints.listening(life, self.heard):
                await hints.tell(life, Hint(all=True))  # one that is at rest notices this one, and shows that it works
                await self._dispatch(life, number, stop)
            await dispatchers.leave(life, number)
            self._number = None

    def is_unfinished(self) -> bool:
        """Return whether ``serve`` raised and left attempts to finish and record, which the next call does."""
        return self._number is not None and bool(self._attempts.in_hand)

    async def _join(self, life: Session) -> int:
        """Join, and release at once the leases of the previous number that were not started."""
        before, number = self._number, await dispatchers.join(life, self._number, place=self._place)
        if before is not None:
            await dispatchers.come_back(life, number, before=before, in_hand=self._attempts.in_hand)
        self._number = self._recorder.dispatcher = number
        self._is_entitled = True
        return number

    async def _dispatch(self, life: Session, number: int, stop: asyncio.Event) -> None:
        works = (
            *(self._claims.serve(number), self._scout_loop(life, number)),
            *(self._manual.serve(number), self._gone.serve(), _until_lost(life)),
        )
        loops = [asyncio.create_task(work) for work in works]
        recorder = asyncio.create_task(self._recorder.serve())
        stopping = asyncio.create_task(stop.wait())
        self.is_serving = True
        try:
            await asyncio.wait([*loops, recorder, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.is_serving = False
            self._is_entitled = stop.is_set()
            # Workers continue: an attempt can't be called back, and its result is worth keeping.
            self._let_go()
            ended = await end(*loops, stopping)
            self._let_go()  # what a claim brought in its last moment
        if not stop.is_set():
            await end(recorder)  # what it holds is kept, and committed when we are back
            raise next((error for error in ended if isinstance(error, Exception)), ConnectionError("recorder"))
        await self._retire(life, number)
        await self._attempts.ended(self._stop_seconds)
        # Never in the middle of a commit: what was sent and not recorded would be sent again.
        self._recorder.drain()
        await recorder

    async def _retire(self, life: Session, number: int) -> None:
        """Leave the endpoints to the others at once, with what has not begun: attempts in flight may take long."""
        self._membership.retire()
        with suppress(*REPEATABLE, *LOST):  # then they notice within five seconds
            await dispatchers.retire(life, number, in_hand=self._attempts.in_hand)
            await hints.tell(life, Hint(all=True))

    def _let_go(self) -> None:
        """Begin nothing that is waiting here: it is freed as soon as this dispatcher retires, or is back."""
        for lane in self._lanes.values():
            lane.waiting.clear()

    async def _scout_loop(self, life: Session, number: int) -> None:
        """Find what lost hints missed, take over from dead dispatchers, and reread the endpoints."""
        while True:
            self._look.clear()
            self._share(number, await dispatchers.rescue(life, number, place=self._place))
            async with self._database.engine.acquire() as session:
                if scouts := self._scout.is_due:
                    self._claims.hint_in_time(await self._scout.look(session))
                await self._claims.refresh(session, list(self._lanes))
                await self._claim_suspects(session, number)
            if scouts:
                self.hint_by_hand()
            idle = self._scout.found_nothing and not self.peers and not self.in_hand
            rarely = scouting.AT_REST_SECONDS if idle else 0.0
            await until_next_look(self._look, scouting.SCOUT_SECONDS, rarely=rarely)

    def _share(self, number: int, others: Iterable[int]) -> None:
        """See who else is alive, and give back what is theirs now and has not begun."""
        if self._membership.update(number, others, clock()):
            self._claims.forget_others()
            for endpoint, lane in self._lanes.items():
                if not self._membership.mine(endpoint):
                    self._attempts.give_back(lane.give_back())
        self._lanes.forget_idle(clock(), self._membership.mine)

    async def _tell_recovered(self, endpoint: UUID) -> None:
        """Report that an endpoint accepted a test or a resend, so that its owner probes it at once."""
        if not self._probe_now((endpoint,)):
            with suppress(*REPEATABLE, *LOST):
                async with self._database.engine.acquire() as session:
                    await hints.tell(session, Hint(recovered=frozenset((endpoint,))))

    async def _claim_suspects(self, session: Session, number: int) -> None:
        before, since = latest_begin(), time.monotonic()
        claimed = await self._suspects.claim(session, number, self._membership.mine)
        await self._claims.refresh(session, [one.endpoint for one in claimed])
        for one in claimed:
            if end := given_up(one):
                self._recorder.add(end)
            else:
                self._take_up([LeasedDelivery(one, before, Times(waited=one.waited, claiming_since=since))])

    def _take_up(self, claimed: Sequence[LeasedDelivery]) -> None:
        lanes = {leased.claimed.endpoint: self._lanes[leased.claimed.endpoint] for leased in claimed}
        for leased in claimed:
            lanes[leased.claimed.endpoint].waiting.append(leased)
        for lane in lanes.values():
            self._employ(lane)

    def _employ(self, lane: LaneState) -> None:
        """Start the workers that the lane and the account allow; each takes one of the account's share for its life."""
        account = lane.account
        for _ in range(min(lane.allowed - lane.workers, len(lane.waiting))):
            if not self._shares.take(account, lane):
                return
            lane.workers += 1
            self._attempts.start(self._work(lane, account))

    async def _work(self, lane: LaneState, account: UUID) -> None:
        """Send what waits in a lane, one by one, until nothing is left or another lane of the account is waiting."""
        try:
            while lane.waiting and lane.workers <= lane.allowed:
                leased = lane.waiting.popleft()
                self._attempts.begin(leased)
                lane.begins()
                may_go = await lane.turn(clock) and self._is_entitled
                began = clock()
                finished = await self._attempt(leased, lane) if may_go else Finished(leased.claimed, None, None)
                now = clock()
                self._attempts.record(leased, finished)
                jitter = random.random()  # noqa: S311 - spreads load, guards nothing
                base = self._sender.policy.base_seconds
                self._attempts.give_back(lane.ended(finished, began=began, now=now, jitter=jitter, base_seconds=base))
                if (pause := lane.pause(now)) > 0:
                    asyncio.get_running_loop().call_later(pause, self._claims.hint, (leased.claimed.endpoint,))
                if lane.wanted(now):
                    self._claims.ended(leased.claimed.endpoint)
                if self._shares.must_yield(account):
                    break
                self._employ(lane)  # it may have proved quick: then one more is allowed
        finally:
            lane.workers -= 1
            self._shares.leave(account)
            self._employ(lane)

    async def _attempt(self, leased: LeasedDelivery, lane: LaneState) -> Finished:
        """Make the attempt with the endpoint's current settings; without an attempt nothing is counted."""
        if lane.endpoint is None:
            return Finished(leased.claimed, None, None)
        if not lane.endpoint.enabled:
            return Finished(leased.claimed, None, Settled.CANCELLED, Reason.ENDPOINT_OFF)
        return await self._attempts.make(leased, lane.endpoint)


async def _until_lost(life: Session) -> None:
    """Raise as soon as the session that proves life has ended: until the next look others might send the same."""
    await until_gone(life)
    raise Unreachable("the session that proves that this dispatcher lives has ended")
