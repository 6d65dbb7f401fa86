"""When the owner of a failing endpoint is warned, and when the endpoint is disabled: on a clock of the test's own."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.endpoint_health import (
    LEAST_ATTEMPTS,
    NOTICE,
    PROBE_EVERY,
    Condition,
    Facts,
    Judgement,
    is_probe_due,
    judge,
)

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def life(days: int | None, *, until: timedelta) -> list[tuple[timedelta, Judgement]]:
    """Return what is found of an endpoint that fails from the start, hour by hour, whenever it changes."""
    seen: list[tuple[timedelta, Judgement]] = []
    known: Judgement | None = None
    for hour in range(1 + until // timedelta(hours=1)):
        facts = Facts(
            START,
            100,
            4,
            days,
            announced_at=None if known is None else known.announced_at,
            warned=known is not None and known.condition is Condition.FAILING,
        )
        known = judge(facts, START + timedelta(hours=hour))
        if not seen or (seen[-1][1].condition, seen[-1][1].stage) != (known.condition, known.stage):
            seen.append((timedelta(hours=hour), known))
        if known.condition is Condition.HOPELESS:
            break
    return seen


def test_an_owner_is_warned_at_half_two_days_before_and_at_four_fifths_of_the_way() -> None:
    found = life(7, until=8 * DAY)

    assert [(at / DAY, one.condition, one.stage) for at, one in found] == [
        (0, Condition.FAILING, 0),
        (3.5, Condition.FAILING, 1),
        (5, Condition.FAILING, 2),
        (135 / 24, Condition.FAILING, 3),  # the first full hour after 5.6 days
        (7, Condition.HOPELESS, 3),
    ]


def test_three_failed_tries_of_a_delivery_need_no_warning() -> None:
    assert judge(Facts(START, 3, 3), START + timedelta(hours=1)).condition is Condition.OK
    assert judge(Facts(START, 4, 4), START + timedelta(hours=1)).condition is Condition.FAILING


def test_a_failure_stays_news_until_an_attempt_succeeds() -> None:
    at = START + timedelta(hours=1)

    assert judge(Facts(START, 40, 0, warned=True), at).condition is Condition.FAILING
    assert judge(Facts(None, 0, 0, warned=True), at).condition is Condition.OK


def test_an_endpoint_that_accepts_others_but_rejects_one_delivery_is_not_disabled() -> None:
    found = judge(Facts(None, 0, 9), START + 30 * DAY)

    assert found == Judgement(Condition.REJECTING)


def test_an_endpoint_is_not_disabled_before_ten_attempts() -> None:
    few, enough = (Facts(START, count, 5, 7, START + 5 * DAY, warned=True) for count in (9, LEAST_ATTEMPTS))

    assert judge(few, START + 8 * DAY).condition is Condition.FAILING
    assert judge(enough, START + 8 * DAY).condition is Condition.HOPELESS


def test_an_endpoint_that_is_never_disabled_is_reported_once() -> None:
    found = life(None, until=20 * DAY)

    assert [(at, one.condition, one.disables_at) for at, one in found] == [(timedelta(0), Condition.FAILING, None)]


def test_an_endpoint_whose_failure_was_not_noticed_is_announced_first() -> None:
    late = judge(Facts(START, 100, 5, 7), START + 40 * DAY)

    assert late.condition is Condition.FAILING
    assert late.disables_at == START + 42 * DAY


@given(days=st.integers(1, 30), step=st.integers(1, 30 * 24))
def test_nobody_is_disabled_unannounced(days: int, step: int) -> None:
    announced_at: datetime | None = None
    at = START
    while True:
        found = judge(Facts(START, 100, 4, days, announced_at, warned=True), at)
        if found.condition is Condition.HOPELESS:
            break
        announced_at = found.announced_at
        at += timedelta(hours=step)

    assert announced_at is not None
    assert at - announced_at >= min(NOTICE, timedelta(days=days) / 2)
    assert at - START >= timedelta(days=days)


def test_a_disabled_endpoint_is_tried_every_hour_while_events_are_kept() -> None:
    def is_due(since_probe: timedelta | None, since_off: timedelta) -> bool:
        probed_at = None if since_probe is None else START - since_probe
        return is_probe_due(off_since=START - since_off, probed_at=probed_at, kept_for=30 * DAY, now=START)

    assert not is_due(None, PROBE_EVERY / 2)
    assert is_due(None, PROBE_EVERY)
    assert not is_due(PROBE_EVERY / 2, 10 * DAY)
    assert is_due(PROBE_EVERY, 10 * DAY)
    assert not is_due(PROBE_EVERY, 30 * DAY)
    assert not is_due(40 * DAY, PROBE_EVERY / 2)  # an earlier time that it was disabled
