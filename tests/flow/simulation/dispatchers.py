"""One dispatcher's process, step by step: the world does what the event loop does for the real one."""

import asyncio
import math
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import cast
from uuid import UUID

from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import EPOCH, CommitFault, VirtualSession, database_of
from tests.flow.simulation.ledger import OF_ACCOUNT, Arrival, Ledger
from tests.flow.simulation.receivers import TIMEOUT_SECONDS, VAULT, Receivers, Reply
from waypost.dispatch import manual_sends
from waypost.dispatch.account_shares import AccountShares
from waypost.dispatch.attempts import LEASE_SLACK_SECONDS
from waypost.dispatch.guard import Guard
from waypost.dispatch.lanes import IN_FLIGHT
from waypost.dispatch.membership import Membership
from waypost.dispatch.recorder import Recorder
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.stages import Times
from waypost.domain import breaker
from waypost.domain.breaker import CLOSED, Breaker, BreakerState
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.pace import Pace, with_limit
from waypost.domain.retry import Policy
from waypost.domain.targets import Ports
from waypost.store import dispatchers, queue
from waypost.store.queue import Lane
from waypost.store.rows import Claimed, Finished, LaneEndpoint
from waypost.store.statements import Session

LEASE = timedelta(seconds=TIMEOUT_SECONDS + LEASE_SLACK_SECONDS)
BEGIN_WITHIN = timedelta(seconds=LEASE_SLACK_SECONDS - 1)
_ROUNDED = 0.001


def sender_to(receivers: Receivers, policy: Policy) -> Sender:
    """Return the real sender, which posts to these receivers."""
    guard = Guard(
        RememberingResolver(SystemResolver()),
        ports=Ports.parse("1-65535"),
        allow=(ip_network("127.0.0.0/8"),),
        own=frozenset(),
    )
    return Sender(guard, receivers, VAULT, SendSettings("Waypost/simulated", policy, timeout_seconds=TIMEOUT_SECONDS))


@dataclass
class Flight:
    """A delivery in a process's hands. ``given_back``: the breaker opened before its attempt began."""

    claimed: Claimed
    endpoint: LaneEndpoint | None
    since: datetime
    by_hand: bool = False
    given_back: bool = False


@dataclass
class Attempt:
    """An attempt whose answer is still to come."""

    flight: Flight
    arrival: Arrival
    reply: Reply
    finished: Finished


class Process:
    """A dispatcher from its start to its death. ``faulted``: when something last befell it that excuses duplicates."""

    def __init__(
        self,
        work: VirtualSession,
        life: VirtualSession,
        sender: Sender,
        receivers: Receivers,
        ledger: Ledger,
        *,
        numbers: Iterator[int],
    ) -> None:
        self._work, self._life, self._numbers = work, life, numbers
        self._sender, self._receivers, self._ledger = sender, receivers, ledger
        self._flights: dict[UUID, Flight] = {}
        self._results: list[Claimed] = []
        self._breakers: dict[UUID, Breaker] = defaultdict(lambda: CLOSED)
        self._paces: dict[UUID, Pace | None] = {}
        self._shares = AccountShares[Flight](
            lambda _flight: None, OF_ACCOUNT
        )  # the world asks again for those that wait
        self._membership = Membership()
        self._recorder = Recorder(
            database_of(work),
            lambda _endpoints: None,
            pause=lambda _endpoint: 0,
            gone=lambda _endpoint: None,
            now=self._seconds,
        )
        self._number: int | None = None
        self.alive = True
        self.joined = False
        self.paused_until = EPOCH
        self.faulted = EPOCH - LEASE

    @property
    def now(self) -> datetime:
        return self._work.clock.now

    @property
    def claims(self) -> bool:
        return self.alive and self.joined and self.paused_until <= self.now

    @property
    def number(self) -> int:
        assert self._number is not None
        return self._number

    async def join(self) -> None:
        life, before = cast("Session", self._life), self._number
        number = await dispatchers.join(life, before, draw_number=lambda: next(self._numbers))
        if before is not None:
            in_hand = {*self._flights, *(one.id for one in self._results)}
            await dispatchers.come_back(life, number, before=before, in_hand=in_hand)
        self._number = self._recorder.dispatcher = number
        self.joined = True

    def owns(self, endpoint: UUID) -> bool:
        return self._membership.mine(endpoint)

    async def lose_session(self) -> None:
        """Lose the proof of life, and go on with what is in flight."""
        self.faulted, self.joined = max(self.faulted, self.now), False
        await self._life.die()

    async def die(self) -> None:
        self.alive = False
        await self.lose_session()

    def pause(self, until: datetime) -> None:
        self.paused_until = max(self.paused_until, until)
        self.faulted = max(self.faulted, until)

    async def look(self) -> None:
        """See who else lives, take over from the dead, and forget how endpoints did that are somebody else's."""
        others = await dispatchers.rescue(cast("Session", self._life), self.number)
        if self._membership.update(self.number, others, self._seconds()):
            for endpoint in [one for one in self._breakers if not self.owns(one) and not self._held(one)]:
                del self._breakers[endpoint]
                self._ledger.forgotten(self, endpoint)

    async def claim(self, due: list[UUID], cap: int) -> list[Flight]:
        """Take what is due of its own; fails when there is room and nothing comes of that."""
        session = cast("Session", self._work)
        mine = [endpoint for endpoint in due if self.owns(endpoint)]
        lanes = [Lane(endpoint, room) for endpoint in mine if (room := self._room(endpoint, cap)) > 0]
        if not lanes:
            return []
        claimed, endpoints = await queue.claim(session, lanes, dispatcher=self.number, lease=LEASE)
        if {one.endpoint for one in claimed} != {lane.endpoint for lane in lanes}:
            raise BrokenPromise(f"at {self.now} something is due in {due}, and {len(claimed)} deliveries were claimed")
        return self._take_up(claimed, endpoints)

    async def claim_by_hand(self) -> list[Flight]:
        """Take what people sent once more, whoever owns its endpoint."""
        session = cast("Session", self._work)
        wanted = queue.Manual(manual_sends.AT_ONCE, manual_sends.MOST_IN_FLIGHT)
        claimed = await queue.claim_by_hand(session, wanted, dispatcher=self.number, lease=LEASE)
        endpoints = await queue.lane_endpoints(session, [one.endpoint for one in claimed]) if claimed else {}
        return self._take_up(claimed, endpoints, by_hand=True)

    def _take_up(
        self, claimed: list[Claimed], endpoints: dict[UUID, LaneEndpoint], *, by_hand: bool = False
    ) -> list[Flight]:
        flights = [
            Flight(one, endpoints.get(one.endpoint), self.now, by_hand)
            for one in sorted(claimed, key=lambda one: (one.sequence, one.id))
        ]
        for flight in flights:
            self._ledger.claimed(flight.claimed, self, self.now)
            self._flights[flight.claimed.id] = flight
        return flights

    def wait(self, flight: Flight) -> float:
        """Return the seconds until the rate limit of its endpoint allows an attempt."""
        if flight.by_hand or flight.endpoint is None:
            return 0.0
        endpoint, limit = flight.claimed.endpoint, flight.endpoint.rate_limit_per_second
        kept = with_limit(self._paces.get(endpoint), limit, free_at=self._membership.settled_at)
        self._paces[endpoint] = kept
        return 0.0 if kept is None else kept.wait(self._seconds())

    def has_share(self, flight: Flight) -> bool:
        """Take one of its account's share for a flight; what people asked for counts without waiting."""
        if flight.endpoint is None:
            return True
        if flight.by_hand:
            self._shares.add(flight.endpoint.account)
            return True
        return self._shares.take(flight.endpoint.account, flight)

    async def begin(self, flight: Flight, *, checked: bool) -> Attempt | None:
        """Make an attempt by the rules of the real dispatcher; None when none was made.

        ``checked``: it was paused between the look at its lease and the request.
        """
        claimed, endpoint = flight.claimed, flight.endpoint
        if endpoint is None or (self.now > flight.since + BEGIN_WITHIN and not checked):
            self._end(flight, Finished(claimed, None, None))
            return None
        if not endpoint.enabled and claimed.sample is None:
            self._end(flight, Finished(claimed, None, Settled.CANCELLED, Reason.ENDPOINT_OFF))
            return None
        if claimed.cancelled or not (flight.by_hand or self._begins(flight)):
            self._end(flight, Finished(claimed, None, None))
            return None
        finished = await self._sender.run(claimed, endpoint, math.inf, Times(waited=0.0, claiming_since=0.0))
        reply = self._receivers.heard
        assert reply is not None
        zombie = self._ledger.is_stale(claimed) or self.now > flight.since + LEASE
        arrival = self._ledger.began(claimed, self.now, took=reply.took, zombie=zombie, sender=self)
        return Attempt(flight, arrival, reply, finished)

    def _begins(self, flight: Flight) -> bool:
        """Let an attempt of a lane begin, unless it was given back meanwhile."""
        endpoint = flight.claimed.endpoint
        pace = self._paces.get(endpoint)
        if flight.given_back:
            return False
        self._breakers[endpoint] = breaker.began(self._breakers[endpoint])
        if pace is not None:
            self._paces[endpoint] = pace.began(self._seconds())
        return True

    def answered(self, attempt: Attempt) -> datetime | None:
        """Take the answer of an attempt; gives when its endpoint is probed, if it is left alone until then."""
        self._ledger.answered(attempt.arrival, self.now, asked_to_wait=attempt.reply.asked_to_wait, sender=self)
        self._end(attempt.flight, attempt.finished)
        endpoint, base = attempt.flight.claimed.endpoint, self._sender.policy.base_seconds
        before = self._breakers[endpoint]
        if attempt.flight.by_hand:
            if attempt.reply.took:
                self._breakers[endpoint] = breaker.probe_now(before, now=self._seconds())
            return None
        if attempt.reply.took:
            now = breaker.succeeded(before, most=IN_FLIGHT)
        else:
            now = breaker.failed(before, now=self._seconds(), jitter=random.random(), base_seconds=base)
        self._breakers[endpoint] = now
        if now.state is not BreakerState.OPEN:
            return None
        for flight in self._flights.values():
            flight.given_back |= flight.claimed.endpoint == endpoint  # without effect on what has begun
        return EPOCH + timedelta(seconds=now.until + _ROUNDED)

    async def record(self, fault: CommitFault | None) -> None:
        """Commit what has ended, by the real recorder; ``fault`` befalls the first commit."""
        if not self._results:
            return
        results, self._results = self._results, []
        late = [one for one in results if self._ledger.is_stale(one)]
        self._work.clock.fault = fault
        asyncio.get_running_loop().call_soon(self._recorder.drain)  # as soon as it has begun it may end
        await self._recorder.serve()
        for one in results:
            self._ledger.recorded(one)
        if late:
            rows = await self._work.fetch("select id, tries from due where id = any ($1)", [one.id for one in late])
            self._ledger.untouched(late, rows)

    def _end(self, flight: Flight, finished: Finished) -> None:
        if flight.endpoint is not None:
            self._shares.leave(flight.endpoint.account)
        if self._flights.get(flight.claimed.id) is flight:
            del self._flights[flight.claimed.id]
        self._results.append(flight.claimed)
        self._recorder.add(finished)

    def _room(self, endpoint: UUID, cap: int) -> int:
        held, lane, pace = self._held(endpoint), self._breakers[endpoint], self._paces.get(endpoint)
        cap = cap if pace is None else min(cap, pace.per_second)
        if lane.state is BreakerState.CLOSED:
            return cap - held
        return min(cap - held, breaker.room(lane, most=IN_FLIGHT, in_flight=held, now=self._seconds()))

    def _held(self, endpoint: UUID) -> int:
        return sum(one.claimed.endpoint == endpoint and not one.by_hand for one in self._flights.values())

    def _seconds(self) -> float:
        return (self.now - EPOCH).total_seconds()
