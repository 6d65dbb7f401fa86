"""Counts how often long work yields, with a clock that advances each time it is read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pytest

from waypost import turns
from waypost.turns import SLICE_SECONDS


@dataclass
class Waits:
    """How often work has waited for its next turn; waiting for a database does not count."""

    count: int = 0


@contextmanager
def looks_per_slice(count: int) -> Iterator[Waits]:
    """End a slice after this number of looks at the clock: the same number of pieces of work on any machine."""
    waits, now = Waits(), 0.0
    wait = turns._Rounds.wait

    def look() -> float:
        nonlocal now
        now += SLICE_SECONDS / count
        return now

    async def counted(rounds: turns._Rounds, account: UUID | None) -> None:
        waits.count += 1
        await wait(rounds, account)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", look)
        patch.setattr(turns._Rounds, "wait", counted)
        yield waits
