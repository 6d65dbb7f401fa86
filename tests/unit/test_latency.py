"""Percentiles calculated from histogram counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.domain.latency import ARRIVAL_BOUNDS_MS, BOUNDS_MS, PROMPT_MS, TimeOuts, bound_of, percentile, prompt


def counted(latencies: list[int]) -> list[int]:
    counts = [0] * len(BOUNDS_MS)
    for one in latencies:
        counts[bound_of(one)] += 1
    return counts


def test_without_values_there_is_no_percentile():
    assert percentile(counted([]), 0.5) is None


@pytest.mark.parametrize(("latency", "place"), [(0, 0), (2, 0), (3, 1), (30_000, len(BOUNDS_MS) - 1), (10**9, 21)])
def test_a_latency_counts_in_the_first_bucket_it_does_not_exceed(latency, place):
    assert bound_of(latency) == place


def test_percentiles_are_interpolated_between_bounds():
    assert percentile(counted([150] * 100), 0.5) == 125  # bounds 100 and 150


@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 1.0]))
def test_percentiles_lie_in_the_bucket_of_the_true_value(latencies, share):
    ordered = sorted(latencies)
    true = ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 1) - 1).__int__())]

    found = percentile(counted(latencies), share) or 0

    place = bound_of(true)
    assert (BOUNDS_MS[place - 1] if place else 0) <= found <= BOUNDS_MS[place]


def test_a_time_out_counts_as_longer_than_every_response():
    three, limit = counted([100, 100, 100]), TimeOuts(3, 45_000)

    assert percentile(counted([]), 0.5, timed_out=limit) == 15_000
    assert percentile(three, 0.95, timed_out=limit) == 15_000
    assert percentile(three, 0.5, timed_out=limit) == 100
    assert percentile(three, 0.95) == 99


def test_webhooks_are_prompt_for_five_minutes():
    counts = [0] * len(ARRIVAL_BOUNDS_MS)
    for late in (0, PROMPT_MS, PROMPT_MS + 1, 10**12):
        counts[bound_of(late, ARRIVAL_BOUNDS_MS)] += 1

    assert prompt(counts) == 2
    assert prompt([]) == 0
    assert percentile(counts, 0.5, bounds=ARRIVAL_BOUNDS_MS) == PROMPT_MS
