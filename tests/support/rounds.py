"""Counts how often long work lets others in, by a clock that moves on with every look at it."""

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
    """Let a slice be over after so many looks at the clock: so many pieces of work, however quick the machine is."""
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
