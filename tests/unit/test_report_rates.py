"""An account may report so many scans and bytes a second, and save up what it leaves."""

from uuid import UUID

import pytest

from waypost.api.report_rates import BURST_SECONDS, REMEMBERED, ReportRates

A, B = UUID(int=1), UUID(int=2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> ReportRates:
    return ReportRates(scans=5_000, size=8 << 20, clock=clock)


def test_a_burst_is_taken_at_once_and_then_the_account_waits(rates: ReportRates, clock: Clock) -> None:
    for _ in range(10):
        assert rates.wait(A) == 0
        rates.spend(A, scans=10_000)

    assert rates.wait(A) == 1
    clock.now += 1
    assert rates.wait(A) == 0


def test_what_a_large_report_took_too_much_is_waited_for(rates: ReportRates, clock: Clock) -> None:
    rates.spend(A, scans=99_999)
    assert rates.wait(A) == 0
    rates.spend(A, scans=50_001)

    assert rates.wait(A) == 11
    clock.now += 10
    assert rates.wait(A) == 1
    clock.now += 1
    assert rates.wait(A) == 0


def test_bytes_are_counted_beside_scans(rates: ReportRates) -> None:
    rates.spend(A, scans=1, size=BURST_SECONDS * (8 << 20))

    assert rates.wait(A) == 1


def test_no_more_is_saved_than_a_burst(rates: ReportRates, clock: Clock) -> None:
    assert rates.wait(A) == 0
    clock.now += 10_000
    assert rates.wait(A) == 0
    rates.spend(A, scans=BURST_SECONDS * 5_000)

    assert rates.wait(A) == 1


def test_one_account_takes_nothing_from_another(rates: ReportRates) -> None:
    rates.spend(A, scans=10_000_000)

    assert (rates.wait(A) > 0, rates.wait(B)) == (True, 0)


def test_an_account_that_reports_is_not_forgotten_however_many_others_do(rates: ReportRates) -> None:
    rates.spend(A, scans=10_000_000)
    for number in range(2 * REMEMBERED):
        rates.wait(UUID(int=10 + number))
        if number % 1_000 == 0:
            assert rates.wait(A) > 0
