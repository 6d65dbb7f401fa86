"""What a dispatcher holds of each endpoint: deliveries that it has claimed and not begun, and attempts in flight."""

from collections import deque
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.rows import Claimed, LaneEndpoint

IN_FLIGHT: Final = 16
"""The most attempts at one endpoint at a time."""

MOST_HELD: Final = 256
"""The most deliveries claimed of one endpoint at a time, in flight or about to be."""

SLOW_SECONDS: Final = 1.0
"""An attempt that takes longer than this ends the claiming ahead: what waits here would outlive its lease."""


class Held(msgspec.Struct, frozen=True):
    """A claimed delivery that waits for its attempt.

    ``begin_before`` is the last moment at which its lease covers one, in seconds of the dispatcher's clock.
    """

    claimed: Claimed
    begin_before: float


class LaneState:
    """One endpoint's share of a dispatcher.

    How much is claimed ahead follows how quickly the endpoint answers: each quick attempt makes room for one more, a
    slow one takes it all back, so that nothing is held here that cannot be sent in good time.
    """

    __slots__ = ("claiming", "endpoint", "in_flight", "room", "waiting", "workers")

    def __init__(self) -> None:
        self.endpoint: LaneEndpoint | None = None
        self.waiting: deque[Held] = deque()
        self.claiming = False
        self.in_flight = 0
        self.workers = 0
        self.room = IN_FLIGHT

    @property
    def held(self) -> int:
        """How many deliveries are in hand."""
        return len(self.waiting) + self.in_flight

    @property
    def wanted(self) -> int:
        """How many more may be claimed now. A quick lane is refilled when it is half empty: full batches cost less."""
        full = self.room if self.room <= IN_FLIGHT else self.room // 2
        return self.room - self.held if self.held < full else 0

    def ended(self, seconds: float) -> list[Held]:
        """Note how long an attempt took; gives what has to be given back because the endpoint is slow."""
        if seconds < SLOW_SECONDS:
            self.room = min(self.room + 1, MOST_HELD)
            return []
        self.room = IN_FLIGHT
        surplus, self.waiting = list(self.waiting), deque()
        return surplus


class Lanes(dict[UUID, LaneState]):
    """Every lane that has something in hand, and those that were looked at lately."""

    def __missing__(self, endpoint: UUID) -> LaneState:
        """Begin a lane."""
        lane = self[endpoint] = LaneState()
        return lane

    def forget_idle(self) -> None:
        """Drop lanes with nothing in hand, so that a thousand quiet endpoints cost nothing.

        Not one that is being claimed for: what comes of the claim is sent to the endpoint that was read for it.
        """
        idle = [key for key, lane in self.items() if not (lane.held or lane.workers or lane.claiming)]
        for endpoint in idle:
            del self[endpoint]
