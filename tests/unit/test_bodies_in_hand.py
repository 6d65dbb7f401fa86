"""Bodies in memory are limited per account and in total; further ones wait unread."""

import asyncio
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from waypost.actions.refusals import TooManyWaiting
from waypost.api.bodies import LARGEST_BODY
from waypost.api.bodies_in_hand import LARGE, MOST_WAITING, OF_ALL, OF_ONE, BodiesInHand

A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


class Calls:
    """Calls that hold memory until they are released."""

    def __init__(self, bodies: BodiesInHand) -> None:
        self.bodies = bodies
        self.order: list[UUID] = []
        self.let_go = asyncio.Event()

    async def arrive(self, account: UUID, size: int = LARGEST_BODY) -> None:
        async with self.bodies.arriving(account, size):
            self.order.append(account)
            await self.let_go.wait()

    async def become(self, account: UUID, size: int = LARGEST_BODY) -> None:
        async with self.bodies.arrived(account, size):
            self.order.append(account)


@pytest.fixture
async def calls() -> Calls:
    return Calls(BodiesInHand())


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_account_holds_no_more_than_its_bytes_and_others_are_not_affected(calls: Calls) -> None:
    tasks = [asyncio.create_task(calls.arrive(A)) for _ in range(5)] + [asyncio.create_task(calls.arrive(B))]
    await settle()

    assert calls.order == [A] * (OF_ONE // LARGEST_BODY) + [B]
    calls.let_go.set()
    await asyncio.gather(*tasks)
    assert calls.order.count(A) == 5


async def test_small_bodies_of_one_account_are_held_together(calls: Calls) -> None:
    tasks = [asyncio.create_task(calls.arrive(A, 1_000)) for _ in range(500)]
    await settle()

    assert len(calls.order) == 500
    calls.let_go.set()
    await asyncio.gather(*tasks)


async def test_large_bodies_of_all_accounts_are_bounded_while_small_ones_pass(calls: Calls) -> None:
    async with AsyncExitStack() as held:
        for _ in range(OF_ALL // LARGEST_BODY):
            await held.enter_async_context(calls.bodies.arrived(A, LARGEST_BODY))
        waiting = asyncio.create_task(calls.become(B))
        await calls.become(C, LARGE)
        await settle()
        assert calls.order == [C]

    await waiting
    assert calls.order == [C, B]


async def test_freed_memory_goes_to_accounts_in_turn(calls: Calls) -> None:
    async with calls.bodies.arrived(A, OF_ALL):
        waiting = [asyncio.create_task(calls.become(account, OF_ALL)) for account in (A, A, A, A, B)]
        await settle()
    await asyncio.gather(*waiting)

    assert calls.order.index(B) <= 1


async def test_a_call_over_the_limit_is_rejected_at_once(calls: Calls) -> None:
    async with calls.bodies.arriving(A, OF_ONE):
        waiting = [asyncio.create_task(calls.arrive(A)) for _ in range(MOST_WAITING)]
        await settle()
        with pytest.raises(TooManyWaiting):
            await calls.arrive(A)
        calls.let_go.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("given", [False, True])
async def test_a_call_that_gives_up_frees_its_place(calls: Calls, given: bool) -> None:  # noqa: FBT001 - pytest
    held = AsyncExitStack()
    await held.enter_async_context(calls.bodies.arriving(A, OF_ONE))
    leaving, staying = (asyncio.create_task(calls.arrive(A, OF_ONE)) for _ in range(2))
    await settle()
    if given:
        await held.aclose()
    leaving.cancel()
    await held.aclose()
    calls.let_go.set()

    async with asyncio.timeout(20):
        await staying
    assert leaving.cancelled()
