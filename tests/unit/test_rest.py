"""Parts look rarely while nothing happens, and at once when something comes in."""

import asyncio

import pytest

from tests.support.receiver import HANGS_AFTER_SECONDS
from waypost import rest
from waypost.rest import alone, stir, until_next_look

AN_HOUR = 3600.0


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", 0.0)


async def in_time(wait: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(HANGS_AFTER_SECONDS):
        await wait


async def test_while_something_happens_the_next_look_is_soon() -> None:
    stir()

    await in_time(asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=AN_HOUR)))


@pytest.mark.usefixtures("at_rest")
async def test_at_rest_whatever_comes_in_makes_every_part_look() -> None:
    parts = [asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=AN_HOUR)) for _ in range(2)]
    done, _ = await asyncio.wait(parts, timeout=0.05)
    assert not done

    stir()

    for part in parts:
        await in_time(part)


@pytest.mark.usefixtures("at_rest")
async def test_at_rest_a_part_that_is_called_looks_at_once() -> None:
    stop = asyncio.Event()
    part = asyncio.create_task(until_next_look(stop, 0.001, rarely=AN_HOUR))
    await asyncio.sleep(0)

    stop.set()

    await in_time(part)


@pytest.mark.usefixtures("at_rest")
async def test_a_part_that_looks_rarely_anyway_looks_no_less_often() -> None:
    await in_time(asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=0.0)))


@pytest.mark.usefixtures("at_rest")
async def test_in_a_process_that_does_everything_parts_look_even_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "ALONE_SECONDS", AN_HOUR)
    with alone():
        part = asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=0.002))
        waiting = asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=0.0))
        await in_time(waiting)
        done, _ = await asyncio.wait([part], timeout=0.05)
        assert not done

    stir()

    await in_time(part)
    await in_time(asyncio.create_task(until_next_look(asyncio.Event(), 0.001, rarely=0.002)))


@pytest.mark.parametrize("rests_after", [0.0, AN_HOUR])
async def test_a_part_looks_when_either_of_two_events_is_set(
    rests_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "RESTS_AFTER_SECONDS", rests_after)
    for number in range(2):
        events = asyncio.Event(), asyncio.Event()
        part = asyncio.create_task(until_next_look(events[0], AN_HOUR, rarely=2 * AN_HOUR, also=events[1]))
        await asyncio.sleep(0)
        assert not part.done()

        events[number].set()

        await in_time(part)
