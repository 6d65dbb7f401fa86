"""How many attempts an endpoint may have in flight follows its answers, from 16 up to 50."""

from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.concurrency import LEAST, MOST, QUICK_SECONDS, SLOW_SECONDS, allowed

ANSWERS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 30, allow_nan=False), st.integers(1, MOST)), min_size=1, max_size=200
)


def quick(before: int, *, in_flight: int) -> int:
    return allowed(before, succeeded=True, seconds=QUICK_SECONDS / 2, in_flight=in_flight)


def test_quick_answers_allow_more_up_to_what_an_address_may_have() -> None:
    now = LEAST
    for _ in range(100):
        now = quick(now, in_flight=now)

    assert now == MOST


def test_what_is_not_used_is_not_increased() -> None:
    assert quick(20, in_flight=19) == 20


def test_a_late_answer_takes_one_back_and_a_slow_one_or_a_failure_all() -> None:
    late = allowed(40, succeeded=True, seconds=QUICK_SECONDS, in_flight=40)
    slow = allowed(40, succeeded=True, seconds=SLOW_SECONDS, in_flight=40)
    failed = allowed(40, succeeded=False, seconds=0.001, in_flight=40)

    assert (late, slow, failed) == (39, LEAST, LEAST)


@given(ANSWERS)
def test_there_are_never_fewer_than_16_and_never_more_than_50(answers: list[tuple[bool, float, int]]) -> None:
    now = LEAST
    for succeeded, seconds, in_flight in answers:
        now = allowed(now, succeeded=succeeded, seconds=seconds, in_flight=in_flight)
        assert LEAST <= now <= MOST
