"""Counts how often work on a loop lets others in, by a clock that moves on with every look at it."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from waypost.turns import SLICE_SECONDS

T = TypeVar("T")


@contextmanager
def looks_per_slice(count: int) -> Iterator[None]:
    """Let a slice be over after so many looks at the clock: so many pieces of work, however quick the machine is."""
    now = 0.0

    def look() -> float:
        nonlocal now
        now += SLICE_SECONDS / count
        return now

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "perf_counter", look)
        yield


async def rounds_during(work: Awaitable[T]) -> tuple[T, int]:
    """Return what the work gives, and how many rounds of the loop others had meanwhile."""
    rounds, going_on = 0, True

    async def count() -> None:
        nonlocal rounds
        while going_on:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    try:
        return await work, rounds
    finally:
        going_on = False
        await counting
