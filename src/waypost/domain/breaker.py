"""The circuit breaker of an endpoint, as values: an endpoint that keeps failing receives single probes only.

    closed ──► open        too many of its attempts failed in a row
    open ──► probing       its pause is over, or it seems to have recovered: exactly one attempt is sent
    probing ──► ramping    the probe succeeded: one attempt at a time, then twice as many after each success …
    probing ──► open       the probe failed: the next pause is twice as long
    ramping ──► closed     … until the normal number may run; ramping ──► open at the first failure

The breaker only ever delays: it never shortens a delivery's wait. Times are seconds of the caller's clock.
"""

from enum import StrEnum
from typing import Final

import msgspec

OPENS_AFTER: Final = 10
FIRST_PAUSE: Final = 1 / 6
LONGEST_PAUSE: Final = 2.0
"""Pauses are measured in first waits of the retry schedule: with 30 s they last from 5 s to a minute."""

JITTER: Final = 0.5
"""Pauses are shortened at random by up to this share, so that endpoints that went down together are probed apart.

With a fifth, three times the average number still came at once, even after ten minutes.
"""


class BreakerState(StrEnum):
    """What a breaker lets through: everything, nothing, a single probe, or a few."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    RAMPING = "ramping"


class Breaker(msgspec.Struct, frozen=True):
    """One endpoint's breaker. ``failures`` and ``opened`` count in a row; ``allowed`` may run at once while ramping."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened: int = 0
    until: float = 0.0
    allowed: int = 0


CLOSED: Final = Breaker()


def room(breaker: Breaker, *, most: int, in_flight: int, now: float) -> int:
    """Return how many attempts may begin now if at most ``most`` may run and ``in_flight`` are running."""
    match breaker.state:
        case BreakerState.CLOSED:
            return most - in_flight
        case BreakerState.OPEN:
            return 1 - in_flight if now >= breaker.until else 0
        case BreakerState.PROBING:
            return 0
        case BreakerState.RAMPING:
            return min(breaker.allowed, most) - in_flight


def began(breaker: Breaker) -> Breaker:
    """Note that an attempt begins that ``room`` allowed; if the breaker is open, the attempt is the probe."""
    return (
        msgspec.structs.replace(breaker, state=BreakerState.PROBING) if breaker.state is BreakerState.OPEN else breaker
    )


def given_back(breaker: Breaker, *, now: float) -> Breaker:
    """Note that an attempt that had begun was not made after all, so that another can be the probe."""
    if breaker.state is not BreakerState.PROBING:
        return breaker
    return msgspec.structs.replace(breaker, state=BreakerState.OPEN, until=now)


def probe_now(breaker: Breaker, *, now: float) -> Breaker:
    """Return the breaker after a sign that the endpoint has recovered: it is probed at once.

    If the probe fails, the pauses continue to grow.
    """
    if breaker.state is not BreakerState.OPEN:
        return breaker
    return msgspec.structs.replace(breaker, until=min(breaker.until, now))


def succeeded(breaker: Breaker, *, most: int) -> Breaker:
    """Return the breaker after the endpoint accepted a delivery."""
    match breaker.state:
        case BreakerState.CLOSED:
            return CLOSED
        case BreakerState.OPEN | BreakerState.PROBING:
            return Breaker(BreakerState.RAMPING, opened=breaker.opened, allowed=1)
        case BreakerState.RAMPING:
            allowed = 2 * breaker.allowed
            return CLOSED if allowed >= most else msgspec.structs.replace(breaker, allowed=allowed)


def failed(breaker: Breaker, *, now: float, jitter: float, base_seconds: float) -> Breaker:
    """Return the breaker after an attempt that failed because of the endpoint.

    ``jitter`` is a random number in [0, 1), ``base_seconds`` the first wait of the retry schedule.
    """
    match breaker.state:
        case BreakerState.OPEN:  # begun before it opened
            return breaker
        case BreakerState.CLOSED if breaker.failures + 1 < OPENS_AFTER:
            return Breaker(failures=breaker.failures + 1)
        case BreakerState.CLOSED | BreakerState.PROBING | BreakerState.RAMPING:
            pause = base_seconds * min(FIRST_PAUSE * 2**breaker.opened, LONGEST_PAUSE)
            return Breaker(
                BreakerState.OPEN, opened=min(breaker.opened + 1, 16), until=now + pause * (1 - JITTER * jitter)
            )
