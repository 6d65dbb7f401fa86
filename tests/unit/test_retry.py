"""The retry schedule: never early, never endless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.attempts import Outcome
from waypost.domain.retry import DisableEndpoint, Policy, RetryIn, Settle, decide, may_give_way

POLICY = Policy()
FAILURES = st.sampled_from([outcome for outcome in Outcome if outcome not in (Outcome.SUCCEEDED, Outcome.HTTP_410)])


@given(st.integers(1, 14), FAILURES, st.floats(0, 1, exclude_max=True))
def test_retry_n_waits_at_least_its_slot_and_at_most_a_tenth_more(
    attempt: int, outcome: Outcome, jitter: float
) -> None:
    slot = 30 * 2 ** (attempt - 1)

    decision = decide(POLICY, attempt=attempt, outcome=outcome, jitter=jitter)

    assert isinstance(decision, RetryIn)
    assert slot <= decision.seconds <= slot * 1.1


@given(FAILURES)
def test_the_fifteenth_failure_is_the_last(outcome: Outcome) -> None:
    assert decide(POLICY, attempt=15, outcome=outcome, jitter=0) == Settle(delivered=False)


@given(st.integers(1, 14), st.floats(0, 1e9))
def test_retry_after_lengthens_a_wait_up_to_a_day_and_never_shortens_it(attempt: int, asked: float) -> None:
    plain = decide(POLICY, attempt=attempt, outcome=Outcome.HTTP_429, jitter=0)
    decision = decide(POLICY, attempt=attempt, outcome=Outcome.HTTP_429, jitter=0, retry_after_seconds=asked)

    assert isinstance(plain, RetryIn)
    assert isinstance(decision, RetryIn)
    assert decision.seconds == max(plain.seconds, min(asked, 86_400))


def test_success_delivers_and_gone_disables_the_endpoint() -> None:
    assert decide(POLICY, attempt=9, outcome=Outcome.SUCCEEDED, jitter=0) == Settle(delivered=True)
    assert decide(POLICY, attempt=1, outcome=Outcome.HTTP_410, jitter=0) == DisableEndpoint()


@pytest.mark.parametrize(
    ("attempt", "since_success", "expected"),
    [(5, 0.0, "waits"), (6, None, "waits"), (6, 530.0, "waits"), (6, 480.0, "gives way"), (7, 0.0, "gives way")],
)
def test_a_delivery_gives_way_after_six_failures_if_its_endpoint_accepts_others(
    attempt: int, since_success: float | None, expected: str
) -> None:
    found = may_give_way(attempt, wait_seconds=960.0, since_success_seconds=since_success)

    assert found is (expected == "gives way")
