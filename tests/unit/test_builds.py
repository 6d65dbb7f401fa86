"""HTTP clients are built a few at a time, and accounts take turns."""

import asyncio
from functools import partial
from threading import Event
from uuid import uuid4

import pytest

from waypost.dispatch.builds import Builds

ONE, OTHER = uuid4(), uuid4()


async def test_the_only_build_of_an_account_waits_for_one_of_another_that_has_many() -> None:
    built, go = list[str](), Event()
    builds = Builds[None](at_once=1)

    def first() -> None:
        go.wait()
        built.append("one 0")

    waiting = [builds.start(ONE, first)]
    waiting += [builds.start(ONE, partial(built.append, f"one {number}")) for number in range(1, 10)]
    waiting.append(builds.start(OTHER, partial(built.append, "other")))
    go.set()
    await asyncio.gather(*waiting)

    assert built.index("other") <= 2
    assert [one for one in built if one != "other"] == [f"one {number}" for number in range(10)]


async def test_a_build_that_fails_or_that_nobody_waits_for_any_more_holds_up_no_other() -> None:
    builds = Builds[int](at_once=1)

    failed, cancelled, last = (
        builds.start(ONE, lambda: 1 // 0),
        builds.start(ONE, lambda: 2),
        builds.start(ONE, lambda: 3),
    )
    cancelled.cancel()

    assert await last == 3
    with pytest.raises(ZeroDivisionError):
        await failed
