"""The circuit breaker of an endpoint, as values: an endpoint that only fails is left alone but for single probes.

    closed ──► open        its attempts failed so many times in a row
    open ──► probing       its pause is over, or a sign of recovery came: exactly one attempt goes out
    probing ──► ramping    the probe succeeded: one attempt at a time, then twice as many after each success …
    probing ──► open       the probe failed: the next pause is twice as long
    ramping ──► closed     … until as many may run as ever; ramping ──► open at the first failure

It only ever delays: no wait of a delivery becomes shorter by it. Times are seconds of the caller's clock.
"""

from enum import StrEnum
from typing import Final

import msgspec

OPENS_AFTER: Final = 10
FIRST_PAUSE: Final = 1 / 6
LONGEST_PAUSE: Final = 2.0
"""Pauses are measured in first waits of the retry schedule: at 30 s they are 5 s to a minute."""

JITTER: Final = 0.5
"""Pauses are shorter by up to so much, at random, so that endpoints that died together do not come back together: with
a fifth three times as many as on average still came at once, even after ten minutes."""


class State(StrEnum):
    """What a breaker lets through: everything, nothing, one probe, or few."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"
    RAMPING = "ramping"


class Breaker(msgspec.Struct, frozen=True):
    """One endpoint's. ``failures`` and ``opened`` count in a row; while ramping ``allowed`` may run at a time."""

    state: State = State.CLOSED
    failures: int = 0
    opened: int = 0
    until: float = 0.0
    allowed: int = 0


CLOSED: Final = Breaker()


def room(breaker: Breaker, *, most: int, in_flight: int, now: float) -> int:
    """Return how many attempts may begin now, of an endpoint of which ``most`` may run and ``in_flight`` do."""
    match breaker.state:
        case State.CLOSED:
            return most - in_flight
        case State.OPEN:
            return 1 - in_flight if now >= breaker.until else 0
        case State.PROBING:
            return 0
        case State.RAMPING:
            return min(breaker.allowed, most) - in_flight


def began(breaker: Breaker) -> Breaker:
    """Note that an attempt begins that ``room`` allowed: of an open breaker it is the probe."""
    return msgspec.structs.replace(breaker, state=State.PROBING) if breaker.state is State.OPEN else breaker


def given_back(breaker: Breaker, *, now: float) -> Breaker:
    """Note that an attempt that had begun was none after all: another may be the probe."""
    if breaker.state is not State.PROBING:
        return breaker
    return msgspec.structs.replace(breaker, state=State.OPEN, until=now)


def probe_now(breaker: Breaker, *, now: float) -> Breaker:
    """Return the breaker after a sign that the endpoint has recovered: it is probed at once.

    If the probe fails, the pauses go on growing as before.
    """
    if breaker.state is not State.OPEN:
        return breaker
    return msgspec.structs.replace(breaker, until=min(breaker.until, now))


def succeeded(breaker: Breaker, *, most: int) -> Breaker:
    """Note that the endpoint took a delivery."""
    match breaker.state:
        case State.CLOSED:
            return CLOSED
        case State.OPEN | State.PROBING:
            return Breaker(State.RAMPING, opened=breaker.opened, allowed=1)
        case State.RAMPING:
            allowed = 2 * breaker.allowed
            return CLOSED if allowed >= most else msgspec.structs.replace(breaker, allowed=allowed)


def failed(breaker: Breaker, *, now: float, jitter: float, base_seconds: float) -> Breaker:
    """Note that an attempt failed by the endpoint's fault.

    ``jitter`` is a random number of [0, 1), ``base_seconds`` the first wait of the retry schedule.
    """
    match breaker.state:
        case State.OPEN:  # begun before it opened
            return breaker
        case State.CLOSED if breaker.failures + 1 < OPENS_AFTER:
            return Breaker(failures=breaker.failures + 1)
        case State.CLOSED | State.PROBING | State.RAMPING:
            pause = base_seconds * min(FIRST_PAUSE * 2**breaker.opened, LONGEST_PAUSE)
            return Breaker(State.OPEN, opened=min(breaker.opened + 1, 16), until=now + pause * (1 - JITTER * jitter))
