"""Breaker and pace as values: what they allow, for any order of events."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain import breaker
from waypost.domain.breaker import CLOSED, OPENS_AFTER, Breaker, BreakerState
from waypost.domain.pace import Pace, with_limit

MOST = 16
BASE = 30.0
FIRST, LONGEST = 5.0, 60.0
WINDOW = 5.0


def opened(now: float = 0.0) -> Breaker:
    state = CLOSED
    for _ in range(OPENS_AFTER):
        state = breaker.failed(state, now=now, jitter=0.0, base_seconds=BASE)
    return state


def room(state: Breaker, now: float, in_flight: int = 0) -> int:
    return breaker.room(state, most=MOST, in_flight=in_flight, now=now)


def test_a_success_in_between_keeps_it_closed() -> None:
    state = CLOSED
    for _ in range(5 * OPENS_AFTER):
        state = breaker.failed(state, now=0.0, jitter=0.0, base_seconds=BASE)
        state = breaker.succeeded(state, most=MOST)

    assert state == CLOSED


def test_it_opens_for_a_pause_and_then_allows_exactly_one_probe() -> None:
    state = opened()

    assert (state.state, room(state, FIRST - 0.1)) == (BreakerState.OPEN, 0)
    assert room(state, FIRST) == 1
    assert room(breaker.began(state), 1e9) == 0


def test_each_failed_probe_doubles_the_pause_up_to_the_maximum() -> None:
    state, pauses, now = opened(), [], 0.0
    for _ in range(8):
        pauses.append(state.until - now)
        now = state.until
        state = breaker.failed(breaker.began(state), now=now, jitter=0.0, base_seconds=BASE)

    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60]


def test_probe_now_allows_one_probe_at_once_and_shortens_no_pause() -> None:
    state = breaker.probe_now(opened(), now=1.0)

    assert (room(state, 1.0), room(breaker.began(state), 1.0)) == (1, 0)
    again = breaker.failed(breaker.began(state), now=1.0, jitter=0.0, base_seconds=BASE)
    assert again.until == 1.0 + 2 * FIRST
    assert breaker.probe_now(CLOSED, now=1.0) == CLOSED


def test_after_a_successful_probe_concurrency_ramps_up_until_it_is_closed() -> None:
    state, allowed = breaker.succeeded(breaker.began(opened()), most=MOST), []
    while state is not CLOSED:
        allowed.append(room(state, 0.0))
        state = breaker.succeeded(state, most=MOST)

    assert allowed == [1, 2, 4, 8]


def back_at(chance: random.Random, up_from: float) -> float:
    """Return when the first probe of an endpoint that died at about 0 succeeds."""
    now, state = chance.uniform(0, 5), CLOSED
    while now < up_from:
        state = breaker.failed(state, now=now, jitter=chance.random(), base_seconds=BASE)
        now = max(now, state.until)
        state = breaker.began(state)
    return now


@pytest.mark.parametrize("down_seconds", [300, 600, 3600])
def test_endpoints_that_failed_together_are_probed_at_different_times(down_seconds: int) -> None:
    chance = random.Random(down_seconds)

    came = Counter(int((back_at(chance, down_seconds) - down_seconds) / WINDOW) for _ in range(1000))

    assert max(came) < LONGEST / WINDOW
    assert max(came.values()) <= 2 * 1000 / (LONGEST / WINDOW)


def test_a_failure_while_ramping_opens_it_at_once() -> None:
    state = breaker.failed(
        breaker.succeeded(breaker.began(opened()), most=MOST), now=0.0, jitter=0.0, base_seconds=BASE
    )

    assert state.state is BreakerState.OPEN


def test_failures_of_earlier_attempts_do_not_extend_the_pause() -> None:
    state = opened()

    assert breaker.failed(state, now=1.0, jitter=0.0, base_seconds=BASE) == state


@given(st.lists(st.sampled_from(["begin", "succeed", "fail", "give back", "wait"])), st.floats(0, 0.999))
def test_an_open_breaker_bounds_concurrency_and_pauses(steps: list[str], jitter: float) -> None:
    state, running, now = opened(), 0, 0.0
    for step in steps:
        if step == "wait":
            now += FIRST
        elif step == "begin" and room(state, now, running) > 0:
            state, running = breaker.began(state), running + 1
        elif step != "begin" and running:
            running -= 1
            match step:
                case "succeed":
                    state = breaker.succeeded(state, most=MOST)
                case "fail":
                    state = breaker.failed(state, now=now, jitter=jitter, base_seconds=BASE)
                case _:
                    state = breaker.given_back(state, now=now)
        assert state.state is not BreakerState.PROBING or running == 1
        assert state.until - now <= LONGEST


@given(st.integers(1, 1000), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_no_second_has_more_sends_than_the_limit(per_second: int, pauses: list[float]) -> None:
    pace, now, begun = Pace(per_second), 0.0, []
    for pause in pauses:
        now += pause
        now += pace.wait(now)
        begun.append(now)
        pace = pace.began(now)

    for start in begun:
        assert sum(start <= at < start + 1 - 1e-6 for at in begun) <= per_second


def test_a_changed_limit_keeps_granted_sends() -> None:
    pace = Pace(1).began(0.0)

    assert with_limit(pace, None, free_at=0.0) is None
    changed = with_limit(pace, 10, free_at=0.0)
    assert changed is not None
    assert changed == Pace(10, free_at=1.0)
