"""What a dispatcher holds for each endpoint: claimed deliveries that have not begun, and attempts in flight."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from typing import Final
from uuid import UUID

from waypost.dispatch.attempts import LeasedDelivery
from waypost.domain import breaker, concurrency, pace
from waypost.domain.attempts import Outcome
from waypost.domain.breaker import CLOSED, Breaker, BreakerState
from waypost.domain.pace import Pace
from waypost.store.rows import Finished, LaneEndpoint

IN_FLIGHT: Final = concurrency.LEAST
"""The maximum attempts at one endpoint at a time while it is not known to respond quickly."""

NOBODY: Final = UUID(int=0)
"""The account of a lane whose endpoint is unknown (not yet read, or deleted); what it has is given back at once."""

MOST_HELD: Final = 256
"""The maximum deliveries claimed for one endpoint at a time, in flight or about to be."""

SLOW_SECONDS: Final = concurrency.SLOW_SECONDS
"""An attempt that takes longer than this stops claiming ahead: waiting deliveries would outlive their lease."""


class LaneState:
    """One endpoint's share of a dispatcher. Times are seconds of the dispatcher's clock.

    How much is claimed ahead follows how quickly the endpoint responds: each quick attempt makes room for one more, and
    a slow one takes all of it back, so that nothing is held here that can't be sent in good time. Nor is more held than
    the breaker lets through, or than the rate limit lets begin within a second. ``allowed`` is how many may be in
    flight (``domain.concurrency``), ``claiming`` how many a claim in progress may bring.
    """

    __slots__ = (
        "_turns",
        "allowed",
        "breaker",
        "claiming",
        "endpoint",
        "in_flight",
        "pace",
        "room",
        "waiting",
        "workers",
    )

    def __init__(self) -> None:
        self.endpoint: LaneEndpoint | None = None
        self.waiting: deque[LeasedDelivery] = deque()
        self.claiming = 0
        self.in_flight = 0
        self.workers = 0
        self.room = IN_FLIGHT
        self.allowed = IN_FLIGHT
        self.breaker: Breaker = CLOSED
        self.pace: Pace | None = None
        self._turns = asyncio.Lock()

    @property
    def account(self) -> UUID:
        """The account of its endpoint."""
        return NOBODY if self.endpoint is None else self.endpoint.account

    @property
    def held(self) -> int:
        """How many deliveries are in hand."""
        return len(self.waiting) + self.in_flight

    def wanted(self, now: float) -> int:
        """Return how many more may be claimed. A quick lane is refilled when half empty: full batches cost less."""
        room = self.room if self.pace is None else min(self.room, self.pace.per_second)
        full = min(room, max(self.allowed, room // 2))
        wanted = room - self.held if self.held < full else 0
        if self.breaker.state is BreakerState.CLOSED:
            return wanted
        return max(0, min(wanted, breaker.room(self.breaker, most=IN_FLIGHT, in_flight=self.held, now=now)))

    def filled(self, found: int, asked: int) -> bool:
        """Return whether a claim found all it asked for, or all that the rate limit allows: there may be more."""
        limit = None if self.endpoint is None else self.endpoint.rate_limit_per_second
        return found == (asked if limit is None else min(asked, limit))

    def refresh(self, endpoint: LaneEndpoint | None, *, free_at: float, now: float) -> None:
        """Take the endpoint's current settings; under a new rate limit nothing begins before ``free_at``."""
        if self.endpoint != endpoint:  # the same object while nothing changed: the signer keeps what it opened
            if self.endpoint and endpoint and self.endpoint.updated_at != endpoint.updated_at:
                self.probe_now(now)
            self.endpoint = endpoint
            limit = None if endpoint is None else endpoint.rate_limit_per_second
            self.pace = pace.with_limit(self.pace, limit, free_at=free_at)

    def probe_now(self, now: float) -> None:
        """Send the next probe at once: somebody changed the endpoint, or it accepted a test or a resend."""
        self.breaker = breaker.probe_now(self.breaker, now=now)

    def begins(self) -> None:
        """Note that an attempt is taken up."""
        self.in_flight += 1
        self.breaker = breaker.began(self.breaker)

    async def turn(self, clock: Callable[[], float]) -> bool:
        """Wait until the rate limit lets an attempt begin: one at a time, so that each counts from when it began.

        Return whether it may be made: not if the breaker opened meanwhile.
        """
        if self.pace is None:
            return True
        # Under a lock, because workers that read the same `free_at` would all begin at once. A timer for each would
        # leave gaps when deliveries are given back meanwhile.
        async with self._turns:
            while self.pace is not None and (wait := self.pace.wait(clock())) > 0:  # noqa: ASYNC110 - it is a clock
                await asyncio.sleep(wait)
            if self.breaker.state is BreakerState.OPEN:  # for a probe it is `probing`
                return False
            if self.pace is not None:
                self.pace = self.pace.began(clock())
        return True

    def ended(
        self, finished: Finished, *, began: float, now: float, jitter: float, base_seconds: float
    ) -> list[LeasedDelivery]:
        """Note the result of an attempt; return what must be given back because the endpoint is slow or failing.

        See ``domain.breaker`` for ``jitter`` and ``base_seconds``.
        """
        beside, self.in_flight = self.in_flight, self.in_flight - 1
        if finished.attempt is None:
            self.breaker = breaker.given_back(self.breaker, now=now)
            return []
        succeeded = finished.attempt.outcome == Outcome.SUCCEEDED
        sound = not succeeded or finished.attempt.reason is None
        self.allowed = concurrency.allowed(
            self.allowed, succeeded=succeeded, sound=sound, seconds=now - began, in_flight=beside
        )
        if succeeded:
            self.breaker = breaker.succeeded(self.breaker, most=IN_FLIGHT)
        else:
            self.breaker = breaker.failed(self.breaker, now=now, jitter=jitter, base_seconds=base_seconds)
        quick = now - began < SLOW_SECONDS
        self.room = min(self.room + 1, MOST_HELD) if quick else IN_FLIGHT
        return [] if quick and self.breaker.state is not BreakerState.OPEN else self.give_back()

    def pause(self, now: float) -> float:
        """Return the seconds until the breaker's next probe; 0 if it waits for none."""
        return max(0.0, self.breaker.until - now) if self.breaker.state is BreakerState.OPEN else 0.0

    def surplus(self, now: float) -> list[LeasedDelivery]:
        """Return what the breaker does not let begin, and keep the rest: it may have opened during the claim."""
        if self.breaker.state is BreakerState.CLOSED:
            return []
        room = breaker.room(self.breaker, most=IN_FLIGHT, in_flight=self.in_flight, now=now)
        return [self.waiting.pop() for _ in range(len(self.waiting) - max(0, room))]

    def give_back(self) -> list[LeasedDelivery]:
        """Return what has not begun, and keep none of it."""
        surplus, self.waiting = list(self.waiting), deque()
        return surplus

    @property
    def busy(self) -> bool:
        """Whether it is sending, or being claimed for: that is sent to the endpoint as it was read for it."""
        return bool(self.held or self.workers or self.claiming)

    def memorable(self, now: float) -> bool:
        """Return whether a breaker or a rate limit must be remembered."""
        if self.endpoint is None or not self.endpoint.enabled:
            return False
        return self.breaker != CLOSED or (self.pace is not None and self.pace.free_at > now)


class Lanes(dict[UUID, LaneState]):
    """All lanes that have something in hand or to remember, and those that were looked at lately."""

    def __missing__(self, endpoint: UUID) -> LaneState:
        """Add a lane."""
        lane = self[endpoint] = LaneState()
        return lane

    @property
    def held(self) -> int:
        """How many deliveries are in hand in all of them."""
        return sum(lane.held for lane in self.values())

    @property
    def promised(self) -> int:
        """How many deliveries are in hand, or may come with a claim in progress."""
        return sum(lane.held + lane.claiming for lane in self.values())

    def allowed(self, slowly: int, quickly: int) -> Callable[[LaneState, int], int]:
        """Return a function that gives a lane as many deliveries as it is asked for and the lane's account may have.

        An account may hold ``slowly`` deliveries for a lane that has not proved quick, otherwise ``quickly``. Claims in
        progress count, and so does what the function has given.
        """
        held: Counter[UUID] = Counter()
        for state in self.values():
            held[state.account] += state.held + state.claiming

        def allow(state: LaneState, most: int) -> int:
            of_account = slowly if state.room <= IN_FLIGHT else quickly
            given = max(0, min(most, of_account - held[state.account]))
            held[state.account] += given
            return given

        return allow

    def forget_idle(self, now: float, mine: Callable[[UUID], bool]) -> None:
        """Drop lanes with nothing to remember, so that a thousand quiet endpoints cost nothing.

        Lanes that are not ``mine`` any more are remembered by their new owner.
        """
        idle = [key for key, lane in self.items() if not (lane.busy or (lane.memorable(now) and mine(key)))]
        for endpoint in idle:
            del self[endpoint]
