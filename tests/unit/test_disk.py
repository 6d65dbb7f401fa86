"""When a disk is full is foreseen from the days before, and from what goes meanwhile."""

from datetime import date, timedelta

from waypost.domain.disk import days_until_full

TODAY = date(2026, 11, 30)
HISTORY = timedelta(days=30)


def days(count: int, size: int) -> dict[date, int]:
    return {TODAY - timedelta(days=ago): size for ago in range(1, count + 1)}


def test_a_young_installation_fills_the_disk_before_anything_goes() -> None:
    assert days_until_full(1_000, days(3, 100), today=TODAY, history=HISTORY) == (11, 100)


def test_one_that_drops_as_much_as_it_adds_never_fills_the_disk() -> None:
    assert days_until_full(99, days(31, 100), today=TODAY, history=HISTORY) == (None, 100)


def test_growth_counts_the_last_week_only() -> None:
    sizes = days(31, 100) | days(7, 300)

    assert days_until_full(1_000, sizes, today=TODAY, history=HISTORY) == (6, 300)


def test_the_first_day_foresees_nothing() -> None:
    assert days_until_full(0, {TODAY: 5_000}, today=TODAY, history=HISTORY) == (None, 0)
    assert days_until_full(0, {}, today=TODAY, history=HISTORY) == (None, 0)
