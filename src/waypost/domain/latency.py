"""Latencies counted in buckets, so that hours and dispatchers can be added up, and percentiles of the counts."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

BOUNDS_MS: Final = (
    *(2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000),
    30_000,
)
"""The upper bounds, in milliseconds; longer latencies count in the last bucket."""


def bound_of(milliseconds: int) -> int:
    """Return the index of the first bound that a latency does not exceed."""
    return min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)


def percentile(counts: Sequence[int], share: float) -> int | None:
    """Return the latency (milliseconds) that this share of them does not exceed; None if nothing was counted.

    Values are assumed to be spread evenly between two bounds.
    """
    total = sum(counts)
    if not total:
        return None
    wanted, below = share * total, 0
    for place, count in enumerate(counts):
        if count and below + count >= wanted:
            low = BOUNDS_MS[place - 1] if place else 0
            return round(low + (BOUNDS_MS[place] - low) * (wanted - below) / count)
        below += count
    return BOUNDS_MS[-1]
