"""An account's scans and bytes per second are limited, and unused allowance is saved up."""

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


def test_a_burst_is_accepted_at_once_and_then_the_account_waits(rates: ReportRates, clock: Clock) -> None:
    for _ in range(10):
        assert rates.wait(A) == 0
        rates.spend(A, scans=10_000)

    assert rates.wait(A) == 1
    clock.now += 1
    assert rates.wait(A) == 0


def test_a_report_over_the_limit_is_paid_back_by_waiting(rates: ReportRates, clock: Clock) -> None:
    rates.spend(A, scans=99_999)
    assert rates.wait(A) == 0
    rates.spend(A, scans=50_001)

    assert rates.wait(A) == 11
    clock.now += 10
    assert rates.wait(A) == 1
    clock.now += 1
    assert rates.wait(A) == 0


def test_bytes_are_limited_as_well_as_scans(rates: ReportRates) -> None:
    rates.spend(A, scans=1, size=BURST_SECONDS * (8 << 20))

    assert rates.wait(A) == 1


def test_unused_allowance_is_saved_up_to_one_burst(rates: ReportRates, clock: Clock) -> None:
    assert rates.wait(A) == 0
    clock.now += 10_000
    assert rates.wait(A) == 0
    rates.spend(A, scans=BURST_SECONDS * 5_000)

    assert rates.wait(A) == 1


def test_accounts_do_not_share_an_allowance(rates: ReportRates) -> None:
    rates.spend(A, scans=10_000_000)

    assert (rates.wait(A) > 0, rates.wait(B)) == (True, 0)


def test_a_reporting_account_is_never_evicted_by_others(rates: ReportRates) -> None:
    rates.spend(A, scans=10_000_000)
    for number in range(2 * REMEMBERED):
        rates.wait(UUID(int=10 + number))
        if number % 1_000 == 0:
            assert rates.wait(A) > 0
