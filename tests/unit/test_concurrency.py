"""An endpoint's concurrency follows its response times, from 16 up to 50, and is 4 while their bodies are broken."""

from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.concurrency import FEW, LEAST, MOST, QUICK_SECONDS, SLOW_SECONDS, allowed

ANSWERS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 30, allow_nan=False), st.integers(1, MOST)), min_size=1, max_size=200
)


def quick(before: int, *, in_flight: int) -> int:
    return allowed(before, succeeded=True, seconds=QUICK_SECONDS / 2, in_flight=in_flight)


def test_fast_responses_raise_concurrency_up_to_the_address_limit() -> None:
    now = LEAST
    for _ in range(100):
        now = quick(now, in_flight=now)

    assert now == MOST


def test_unused_concurrency_is_not_raised() -> None:
    assert quick(20, in_flight=19) == 20


def test_a_late_response_lowers_concurrency_by_one_and_a_failure_resets_it() -> None:
    late = allowed(40, succeeded=True, seconds=QUICK_SECONDS, in_flight=40)
    slow = allowed(40, succeeded=True, seconds=SLOW_SECONDS, in_flight=40)
    failed = allowed(40, succeeded=False, seconds=0.001, in_flight=40)

    assert (late, slow, failed) == (39, LEAST, LEAST)


def test_a_broken_body_lowers_concurrency_to_4_and_sound_ones_raise_it_one_by_one() -> None:
    now = allowed(40, succeeded=True, sound=False, seconds=0.001, in_flight=40)
    assert now == FEW

    assert allowed(now, succeeded=False, seconds=0.001, in_flight=1) == FEW
    for more in range(1, 2 * LEAST):
        now = allowed(now, succeeded=True, seconds=2 * SLOW_SECONDS, in_flight=1)
        assert now == min(FEW + more, LEAST)


@given(ANSWERS)
def test_concurrency_stays_between_16_and_50(answers: list[tuple[bool, float, int]]) -> None:
    now = LEAST
    for succeeded, seconds, in_flight in answers:
        now = allowed(now, succeeded=succeeded, seconds=seconds, in_flight=in_flight)
        assert LEAST <= now <= MOST
