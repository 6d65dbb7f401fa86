"""Latencies counted in buckets, so that hours and dispatchers can be added up, and percentiles of the counts."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import msgspec

BOUNDS_MS: Final = (
    *(2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000),
    30_000,
)
"""The upper bounds of response times, in milliseconds; longer ones count in the last bucket."""

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
PROMPT_MS: Final = 5 * _MINUTE
"""A webhook that is accepted this long after its event, or earlier, was prompt."""
ARRIVAL_BOUNDS_MS: Final = (
    *(100, 250, 500, _SECOND, 2 * _SECOND, 5 * _SECOND, 10 * _SECOND, 30 * _SECOND, _MINUTE, 2 * _MINUTE, PROMPT_MS),
    *(15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR, 48 * _HOUR, 96 * _HOUR),
    168 * _HOUR,
)
"""The upper bounds of the times from event to acceptance, in milliseconds; longer ones count in the last bucket."""


class TimeOuts(msgspec.Struct, frozen=True):
    """Attempts that were given up without a response, and how long they took together, in milliseconds."""

    count: int = 0
    total_ms: int = 0


NO_TIME_OUTS: Final = TimeOuts()


def bound_of(milliseconds: int, bounds: Sequence[int] = BOUNDS_MS) -> int:
    """Return the index of the first bound that a latency does not exceed."""
    return min(bisect_left(bounds, milliseconds), len(bounds) - 1)


def percentile(
    counts: Sequence[int], share: float, *, bounds: Sequence[int] = BOUNDS_MS, timed_out: TimeOuts = NO_TIME_OUTS
) -> int | None:
    """Return the latency (milliseconds) that this share of them does not exceed; None if nothing was counted.

    Values are assumed to be spread evenly between two bounds. Attempts that ``timed_out`` took as long as they were
    given, which is longer than any response took.
    """
    answered = sum(counts)
    total = answered + timed_out.count
    if not total:
        return None
    wanted, below = share * total, 0
    if wanted > answered:
        return round(timed_out.total_ms / timed_out.count)
    for place, count in enumerate(counts):
        if count and below + count >= wanted:
            low = bounds[place - 1] if place else 0
            return round(low + (bounds[place] - low) * (wanted - below) / count)
        below += count
    return bounds[-1]


def prompt(counts: Sequence[int]) -> int:
    """Return how many of the times from event to acceptance are prompt. Shorter lists have no longer times."""
    return sum(counts[: ARRIVAL_BOUNDS_MS.index(PROMPT_MS) + 1])
