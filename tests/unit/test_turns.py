"""Long work goes in slices: one in each round of the loop, accounts in turn."""

import asyncio
import contextvars
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from waypost import turns
from waypost.turns import Turn, give_way, note_account, short_call

A, B = UUID(int=1), UUID(int=2)


class Clock:
    """A clock that work moves forward."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def work(self, slices: float = 1.0) -> None:
        self.now += slices * turns.SLICE_SECONDS


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock.perf_counter)
    return clock


async def count_rounds(rounds: list[int], done: asyncio.Event) -> None:
    while not done.is_set():
        rounds[0] += 1
        await asyncio.sleep(0)


async def test_work_within_its_slice_is_not_interrupted(clock: Clock) -> None:
    others: list[str] = []
    asyncio.get_running_loop().call_soon(others.append, "let in")
    turn = Turn()

    for _ in range(9):
        await turn.pause()
        clock.work(0.1)

    assert others == []


async def test_work_that_used_up_its_slice_lets_newer_work_in(clock: Clock) -> None:
    others: list[str] = []
    turn = Turn()
    await turn.pause()
    clock.work()
    asyncio.get_running_loop().call_soon(others.append, "let in")

    await turn.pause()

    assert others == ["let in"]


async def test_a_round_has_one_slice_no_matter_how_much_long_work_waits(clock: Clock) -> None:
    rounds, done, slices = [0], asyncio.Event(), 0

    async def work() -> None:
        nonlocal slices
        turn = Turn(A)
        for _ in range(10):
            await turn.pause()
            clock.work()
            slices += 1

    counting = asyncio.create_task(count_rounds(rounds, done))
    await asyncio.gather(*(work() for _ in range(20)))
    done.set()
    await counting

    assert slices == 200
    assert rounds[0] >= 199


async def steps_in_one_round(clock: Clock) -> int:
    """Return how many steps, of a fiftieth of a slice each, long work takes before it lets others in."""
    others: list[str] = []
    turn = Turn(A)
    await turn.begin()
    asyncio.get_running_loop().call_soon(others.append, "let in")
    steps = 0
    while not others:
        clock.work(0.02)
        steps += 1
        await turn.pause()
    return steps


async def test_slices_are_shorter_while_a_short_call_is_in_progress(clock: Clock) -> None:
    alone = await steps_in_one_round(clock)
    let_go = asyncio.Event()

    async def call() -> None:
        with short_call(A):
            await let_go.wait()

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    beside = await steps_in_one_round(clock)
    let_go.set()
    await calling
    after = await steps_in_one_round(clock)

    assert beside <= alone / 4
    assert after == alone


async def test_a_call_that_pauses_itself_or_takes_long_shortens_no_slices(clock: Clock) -> None:
    alone = await steps_in_one_round(clock)

    with short_call():
        await Turn(B).begin()
        after_pause = await steps_in_one_round(clock)
    with short_call():
        clock.now += 2 * turns.SHORT_CALL_SECONDS
        of_another_call = contextvars.Context().run(asyncio.ensure_future, steps_in_one_round(clock))
        after_long = await of_another_call

    assert (after_pause, after_long) == (alone, alone)


async def rounds_of_the_loop(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@asynccontextmanager
async def calls_in_progress(account: UUID, count: int = 1) -> AsyncIterator[None]:
    """Have calls of an account in progress that wait for something."""
    let_go = asyncio.Event()

    async def call() -> None:
        with short_call():
            note_account(account)
            await let_go.wait()

    calls = [asyncio.create_task(call()) for _ in range(count)]
    await asyncio.sleep(0)
    try:
        yield
    finally:
        let_go.set()
        await asyncio.gather(*calls)


async def rest_of_long_work(clock: Clock) -> float:
    """Return how long A rests after a slice, as a multiple of it."""
    turn = Turn(A)
    await turn.begin()
    clock.work(2)
    next_step, ended = asyncio.create_task(turn.begin()), clock.now
    async with asyncio.timeout(30):
        while not next_step.done():
            with short_call(A):
                pass  # at its end, whoever rests looks at the clock
            await rounds_of_the_loop()
            if not next_step.done():
                clock.work(0.5)
    return (clock.now - ended) / (2 * turns.SLICE_SECONDS)


@pytest.mark.parametrize(
    ("others", "rest"),
    [
        ((B, 1), turns.RESTS),
        ((B, turns.FEW_CALLS + 1), turns.RESTS_BETWEEN_CALLS),
        ((A, 1), 0),
    ],
    ids=["a short call of another", "one of many calls", "its own call"],
)
async def test_long_work_rests_while_another_account_is_at_work(
    clock: Clock, others: tuple[UUID, int], rest: float
) -> None:
    async with calls_in_progress(*others):
        assert await rest_of_long_work(clock) == pytest.approx(rest, abs=0.3)


async def test_long_work_leaves_half_of_the_time_between_the_calls_of_another_account(clock: Clock) -> None:
    async with calls_in_progress(B):
        pass

    assert await rest_of_long_work(clock) == pytest.approx(turns.RESTS_BETWEEN_CALLS, abs=0.3)
    clock.now += turns.LATELY_SECONDS
    assert await rest_of_long_work(clock) == 0


async def test_nobody_rests_any_longer_when_the_short_call_has_ended(clock: Clock) -> None:
    turn = Turn(A)
    async with calls_in_progress(B):
        await turn.begin()
        clock.work(2)
        next_step = asyncio.create_task(turn.pause())
        await rounds_of_the_loop()
        clock.work(2 * turns.RESTS_BETWEEN_CALLS)
        await rounds_of_the_loop()
        rested = not next_step.done()

    async with asyncio.timeout(30):
        await next_step
    assert rested


async def steps_of_calls(count: int) -> list[int]:
    """Return in how many rounds each of several calls of one account takes a step, when all may at once."""
    rounds, done, taken = [0], asyncio.Event(), list[int]()

    async def call() -> None:
        with short_call():
            note_account(A)
            await asyncio.sleep(0)
            await give_way()
            taken.append(rounds[0])

    counting = asyncio.create_task(count_rounds(rounds, done))
    await asyncio.gather(*(call() for _ in range(count)))
    done.set()
    await counting
    return [taken.count(each) for each in dict.fromkeys(taken)]


@pytest.mark.usefixtures("clock")
async def test_many_calls_of_an_account_take_one_step_in_a_round_while_another_is_at_work() -> None:
    alone = await steps_of_calls(8)
    async with calls_in_progress(B):
        pass  # its next one may be on its way
    beside_another = await steps_of_calls(8)
    few = await steps_of_calls(turns.FEW_CALLS)

    assert alone == [8]
    assert max(beside_another[: -turns.FEW_CALLS]) == 1
    assert few == [turns.FEW_CALLS]


async def test_an_account_with_much_work_gets_as_many_slices_as_one_with_little(clock: Clock) -> None:
    order: list[UUID] = []

    async def work(account: UUID) -> None:
        turn = Turn(account)
        for _ in range(5):
            await turn.begin()
            order.append(account)
            clock.work()

    await asyncio.gather(*(work(A) for _ in range(10)), work(B))

    assert order[:10].count(B) == 5


async def test_work_cancelled_while_waiting_blocks_no_other_turn() -> None:
    waiting = [asyncio.create_task(Turn(A).begin()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting[:2]:
        task.cancel()

    async with asyncio.timeout(30):
        await Turn(A).begin()

    assert waiting[2].done()


def test_each_event_loop_has_its_own_rounds(clock: Clock) -> None:
    async def leave_in_the_middle() -> None:
        turn = Turn()
        await turn.pause()
        clock.work()

    async def work() -> bool:
        turn = Turn()
        await turn.pause()
        clock.work()
        await turn.pause()
        return True

    asyncio.run(leave_in_the_middle())

    assert asyncio.run(work())
