from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.budget import Budget, Spending, begin, is_urgent, pause, take, urgency
from waypost.domain.polling import SILENCE, Watched, next_poll, next_when_silent
from waypost.domain.statuses import SUBSTATUSES, Status, status_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
MIDNIGHT = 1_700_006_400_000  # 2023-11-15T00:00:00Z
NOON = MIDNIGHT + 12 * HOUR * 1000
SEED = UUID(int=7).bytes
DHL = Budget(calls_a_day=250, calls_a_second=1, polls_of_a_parcel_a_day=10)


def watched(substatus: str, *, unchanged: int = 0, since: float = 0, offset: int | None = 60) -> Watched:
    """A parcel whose status began `since` seconds before noon."""
    return Watched(status_of(substatus), substatus, unchanged, NOON - round(since * 1000), offset, SEED)


def wait(parcel: Watched, now: int = NOON) -> float:
    seconds = next_poll(parcel, now)
    assert seconds is not None
    return seconds


@pytest.mark.parametrize(
    ("parcel", "expected"),
    [
        (watched("pending001"), 3 * HOUR),
        (watched("notfound002", since=23 * HOUR), 3 * HOUR),
        (watched("notfound002", since=25 * HOUR, unchanged=8), 6 * HOUR),
        (watched("inforeceived001"), 6 * HOUR),
        (watched("inforeceived001", unchanged=1), 12 * HOUR),
        (watched("inforeceived001", unchanged=9), 24 * HOUR),
        (watched("transit001"), 4 * HOUR),
        (watched("transit004", unchanged=1), 8 * HOUR),
        (watched("transit001", unchanged=2), 12 * HOUR),
        (watched("transit001", unchanged=32_767), 12 * HOUR),
        (watched("pickup001"), 30 * MINUTE),
        (watched("pickup001", unchanged=20), 30 * MINUTE),
        (watched("pickup002", unchanged=4), 12 * HOUR),
        (watched("pickup003"), 30 * MINUTE),
        (watched("undelivered002"), 2 * HOUR),
        (watched("undelivered002", unchanged=5), 8 * HOUR),
        (watched("exception006"), 6 * HOUR),
        (watched("exception011", unchanged=3), 24 * HOUR),
        (watched("exception010", since=5 * DAY), DAY),
        (watched("delivered001"), DAY),
        (watched("delivered003", since=6.2 * DAY), DAY),
    ],
)
def test_each_status_has_its_wait_within_ten_percent(parcel: Watched, expected: float) -> None:
    assert wait(parcel) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    "parcel",
    [
        watched("expired001"),
        watched("pending001", since=30 * DAY),
        watched("notfound002", since=31 * DAY),
        watched("delivered001", since=7 * DAY),
        watched("exception010", since=7 * DAY),
    ],
)
def test_polling_stops_when_no_more_scans_are_expected(parcel: Watched) -> None:
    assert next_poll(parcel, NOON) is None


def test_a_delivered_parcel_is_polled_at_most_seven_times_within_about_a_week() -> None:
    parcel, now, looks = watched("delivered001"), NOON, 0

    while (seconds := next_poll(parcel, now)) is not None:
        now += round(seconds * 1000)
        looks += 1

    assert 6 <= looks <= 7
    assert now - NOON <= 7.7 * DAY * 1000


@pytest.mark.parametrize(
    ("utc_hour", "offset", "expected"),
    [
        (6, 60, 30 * MINUTE),
        (5, 60, 2 * HOUR),
        (19, 60, 30 * MINUTE),
        (20, 60, 2 * HOUR),
        (12, -480, 2 * HOUR),
        (16, -480, 30 * MINUTE),
        (23, 540, 30 * MINUTE),
        (2, None, 30 * MINUTE),
    ],
)
def test_out_for_delivery_is_polled_closely_during_local_daytime(
    utc_hour: int, offset: int | None, expected: float
) -> None:
    seconds = wait(watched("pickup001", offset=offset), MIDNIGHT + utc_hour * HOUR * 1000)

    assert seconds == pytest.approx(expected, rel=0.1)


def test_new_scans_restart_the_intervals() -> None:
    waits = [wait(watched("transit001", unchanged=unchanged)) for unchanged in (0, 1, 0)]

    assert waits[2] == waits[0] < waits[1]


def test_parcels_registered_together_drift_apart_but_keep_their_intervals() -> None:
    parcels = [msgspec.structs.replace(watched("transit001"), seed=UUID(int=n).bytes) for n in range(100)]

    assert len({wait(parcel) for parcel in parcels}) > 90
    assert [wait(parcel) for parcel in parcels] == [wait(parcel) for parcel in parcels]


ANY_PARCEL = st.builds(
    lambda substatus, since, **rest: msgspec.structs.replace(watched(substatus, since=since), **rest),
    st.sampled_from(sorted(SUBSTATUSES)),
    st.integers(-10_000, 60 * DAY),
    unchanged_polls=st.integers(0, 32_767),
    offset_minutes=st.none() | st.integers(-840, 840),
    seed=st.binary(min_size=16, max_size=16),
)


@given(parcel=ANY_PARCEL, least=st.floats(0, 2 * DAY))
def test_no_interval_is_shorter_than_the_carrier_allows_or_longer_than_needed(parcel: Watched, least: float) -> None:
    seconds = next_poll(parcel, NOON, least_seconds=least)

    assert seconds is None or max(0.9 * 30 * MINUTE, least * (1 - 1e-9)) <= seconds <= 1.1 * max(DAY, least / 0.9) + 1


def test_ten_polls_a_day_are_spread_over_the_day() -> None:
    least = DHL.least_seconds_between_polls

    seconds = next_poll(watched("pickup001"), NOON, least_seconds=least)

    assert seconds is not None
    assert 2.4 * HOUR <= seconds <= 3 * HOUR


def calls_granted(budget: Budget, *, start: int, end: int, urgent: bool, spending: Spending | None = None) -> list[int]:
    """Return the times of granted calls if each is made as soon as possible."""
    spending, now, granted = spending or begin(budget, start), start, []
    while now < end:
        taken = take(spending, now, urgent=urgent)
        spending = taken.spending
        if taken.granted:
            granted.append(now)
        else:
            now += max(1, round(taken.wait_seconds * 1000))
    return granted


@pytest.mark.parametrize("start", [MIDNIGHT, NOON, MIDNIGHT + 23 * HOUR * 1000])
def test_a_day_never_has_more_calls_than_the_budget(start: int) -> None:
    granted = calls_granted(DHL, start=start, end=MIDNIGHT + 3 * DAY * 1000, urgent=True)

    days = [sum(1 for at in granted if at // (DAY * 1000) == MIDNIGHT // (DAY * 1000) + day) for day in range(3)]
    assert max(days) <= 250
    assert days[1:] == [250, 250]


def test_calls_are_spread_over_the_day() -> None:
    granted = calls_granted(DHL, start=MIDNIGHT, end=MIDNIGHT + DAY * 1000, urgent=True)

    by_hour = [sum(1 for at in granted if (at - MIDNIGHT) // (HOUR * 1000) == hour) for hour in range(23)]
    assert max(by_hour) <= 22
    assert min(by_hour) >= 9


def test_calls_keep_the_minimum_distance() -> None:
    granted = calls_granted(DHL, start=MIDNIGHT, end=MIDNIGHT + HOUR * 1000, urgent=True)

    assert min(later - earlier for earlier, later in pairwise(granted)) >= 1000


def test_waiting_out_a_pause_grants_the_call() -> None:
    spending, now = begin(DHL, MIDNIGHT), MIDNIGHT
    while (taken := take(spending, now, urgent=True)).granted:
        spending, now = taken.spending, now + 1000

    later = now + round(taken.wait_seconds * 1000) + 1

    assert take(taken.spending, now + 1, urgent=True).granted is False
    assert take(taken.spending, later, urgent=True).granted


def test_ordinary_parcels_leave_calls_for_urgent_ones() -> None:
    spending, now = begin(DHL, MIDNIGHT), MIDNIGHT
    while (taken := take(spending, now, urgent=False)).granted:
        spending, now = taken.spending, now + 1000

    assert take(taken.spending, now, urgent=True).granted


def test_the_smallest_budget_still_grants_a_call_to_an_ordinary_parcel() -> None:
    budget = Budget(calls_a_day=1, calls_a_second=0.1, polls_of_a_parcel_a_day=1)

    assert take(begin(budget, MIDNIGHT), MIDNIGHT, urgent=False).granted


def test_a_restart_grants_an_hours_extra_calls_not_a_days() -> None:
    granted = calls_granted(DHL, start=NOON, end=NOON + HOUR * 1000, urgent=True)

    assert 20 <= len(granted) <= 22


def test_a_pause_holds_every_call_until_it_is_over() -> None:
    spending = pause(pause(begin(DHL, NOON), NOON, 120), NOON, 5)

    assert take(spending, NOON, urgent=True).wait_seconds == 120
    assert take(spending, NOON + 119_999, urgent=True).granted is False
    assert take(spending, NOON + 120_000, urgent=True).granted


def test_a_clock_set_back_neither_grants_nor_costs_calls() -> None:
    spending, now = begin(DHL, NOON), NOON
    while (taken := take(spending, now, urgent=True)).granted:
        spending, now = taken.spending, now + 1000

    back = take(spending, NOON - DAY * 1000, urgent=True)

    assert back.spending.spent_today == spending.spent_today
    assert back.wait_seconds == take(spending, spending.at, urgent=True).wait_seconds > 0


def test_a_clock_that_was_a_year_ahead_for_a_moment_ends_no_calls() -> None:
    ahead = take(begin(DHL, NOON), NOON + 365 * DAY * 1000, urgent=True).spending
    paused = pause(ahead, NOON + 365 * DAY * 1000, 120)

    granted = calls_granted(DHL, start=NOON + HOUR * 1000, end=NOON + 2 * DAY * 1000, urgent=True, spending=ahead)

    assert len([at for at in granted if at // (DAY * 1000) == NOON // (DAY * 1000) + 1]) == 250
    assert take(paused, NOON, urgent=True).wait_seconds == 120


def test_parcels_out_for_delivery_are_polled_first_and_finished_ones_last() -> None:
    parcels = ["delivered001", "transit001", "pending001", "pickup001"]

    ordered = sorted(parcels, key=lambda substatus: urgency(status_of(substatus), substatus))

    assert ordered == ["pickup001", "pending001", "transit001", "delivered001"]
    assert is_urgent(Status.UNDELIVERED, "undelivered001")
    assert not is_urgent(Status.TRANSIT, "transit001")


@pytest.mark.parametrize("wrong", [(0, 1.0, 10), (250, 0.0, 10), (250, 1.0, 0)])
def test_a_budget_without_calls_is_rejected(wrong: tuple[int, float, int]) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        Budget(*wrong)


@pytest.mark.parametrize(
    ("parcel", "expected"),
    [
        (watched("pending001"), 12 * HOUR),
        (watched("notfound002"), 12 * HOUR),
        (watched("inforeceived001"), 2 * DAY),
        (watched("transit001"), DAY),
        (watched("transit001", unchanged=1), 2 * DAY),
        (watched("transit001", unchanged=32_767), 3 * DAY),
        (watched("pickup001"), 6 * HOUR),
        (watched("pickup002"), 2 * DAY),
        (watched("undelivered002"), 12 * HOUR),
        (watched("exception006"), 2 * DAY),
    ],
)
def test_a_silent_parcel_is_left_to_pushes_by_its_status(parcel: Watched, expected: float) -> None:
    assert next_when_silent(parcel) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("substatus", ["delivered001", "expired001", "exception010"])
def test_no_push_of_a_finished_parcel_is_missed(substatus: str) -> None:
    assert next_when_silent(watched(substatus)) is None


def test_every_status_under_way_has_its_silence() -> None:
    assert set(SILENCE) == set(Status) - {Status.DELIVERED, Status.EXPIRED}
