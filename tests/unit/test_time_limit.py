"""One timer ends what takes too long, and disturbs nothing else."""

import asyncio

import pytest

from waypost.dispatch.time_limit import TimeLimit


async def wait_within(limit: TimeLimit, event: asyncio.Event) -> str:
    with limit:
        await event.wait()
    return "done"


async def test_what_is_quick_ends_with_its_result() -> None:
    limit, event = TimeLimit(60), asyncio.Event()
    tasks = [asyncio.create_task(wait_within(limit, event)) for _ in range(3)]

    event.set()

    assert await asyncio.gather(*tasks) == ["done"] * 3


async def test_each_of_several_that_take_too_long_is_ended() -> None:
    limit, never = TimeLimit(0.01), asyncio.Event()
    first, second = (asyncio.create_task(wait_within(limit, never)) for _ in range(2))
    await asyncio.wait([first, second])
    third = asyncio.create_task(wait_within(limit, never))

    results = await asyncio.gather(first, second, third, return_exceptions=True)

    assert [type(one) for one in results] == [TimeoutError] * 3


async def test_a_task_goes_on_after_its_time_was_up() -> None:
    limit, never = TimeLimit(0.01), asyncio.Event()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await wait_within(limit, never)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_cancellation_by_somebody_else_stays_one() -> None:
    limit, never = TimeLimit(0.01), asyncio.Event()
    task = asyncio.create_task(wait_within(limit, never))
    await asyncio.wait([task], timeout=0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), TimeLimit(60):
        raise ZeroDivisionError


async def test_one_timer_is_enough_for_everything_that_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers = asyncio.get_running_loop(), []
    call_later = loop.call_later
    monkeypatch.setattr(loop, "call_later", lambda *arguments: timers.append(call_later(*arguments)))
    limit, event = TimeLimit(60), asyncio.Event()

    for _ in range(10):
        tasks = [asyncio.create_task(wait_within(limit, event)) for _ in range(10)]
        event.set()
        await asyncio.gather(*tasks)

    (timer,) = timers
    timer.cancel()
