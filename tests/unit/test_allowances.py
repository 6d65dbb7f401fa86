"""Places for sessions: taken in turn, fewer and more of them, and none lost when somebody stops waiting."""

import asyncio
from uuid import uuid4

from waypost.store.allowances import Allowance


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def waiting(allowance: Allowance, count: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(allowance.take()) for _ in range(count)]
    await turns()
    return tasks


def done(tasks: list[asyncio.Task[None]]) -> list[bool]:
    return [task.done() for task in tasks]


async def test_places_are_taken_in_turn() -> None:
    allowance = Allowance(2)

    tasks = await waiting(allowance, 4)
    before = done(tasks)
    allowance.leave()
    await turns()

    assert (before, done(tasks)) == ([True, True, False, False], [True, True, True, False])


async def test_fewer_places_take_nothing_from_anybody_and_more_let_others_in() -> None:
    allowance = Allowance(3)
    tasks = await waiting(allowance, 5)

    allowance.change(0)
    allowance.leave()
    await turns()
    with_one_place = sum(done(tasks))
    allowance.change(9)
    await turns()

    assert (with_one_place, sum(done(tasks)), allowance.now) == (3, 4, 3)


async def test_whoever_stops_waiting_keeps_no_place() -> None:
    allowance = Allowance(1)
    _first, gone, given_up_late, last = tasks = await waiting(allowance, 4)

    gone.cancel()
    allowance.leave()  # before the cancelled task has noticed
    given_up_late.cancel()  # in the moment in which it got the place
    await turns()

    assert (done(tasks), allowance.taken) == ([True] * 4, 1)
    assert last.exception() is None


async def test_there_are_never_fewer_places_than_the_least() -> None:
    allowance = Allowance(6, least=2)

    allowance.change(0)

    assert sum(done(await waiting(allowance, 4))) == 2


async def test_an_account_leaves_a_place_to_others_and_gets_none_before_them() -> None:
    greedy, modest, other = uuid4(), uuid4(), uuid4()
    allowance = Allowance(3)
    many = [asyncio.create_task(allowance.take(greedy)) for _ in range(5)]
    await turns()
    with_greedy_alone = done(many)

    few = [asyncio.create_task(allowance.take(account)) for account in (modest, other)]
    await turns()
    with_one_left = done(few)
    allowance.leave(greedy)
    await turns()

    assert with_greedy_alone == [True, True, False, False, False]
    assert (with_one_left, done(few), done(many)) == ([True, False], [True, True], with_greedy_alone)
    for task in many:
        task.cancel()


async def test_the_servers_own_work_is_in_no_accounts_share() -> None:
    allowance = Allowance(3)

    assert done(await waiting(allowance, 4)) == [True, True, True, False]


async def test_accounts_that_wait_get_places_in_turn() -> None:
    greedy, modest = uuid4(), uuid4()
    allowance = Allowance(1)
    await allowance.take()
    many = [asyncio.create_task(allowance.take(greedy)) for _ in range(3)]
    await turns()
    one = asyncio.create_task(allowance.take(modest))
    await turns()

    for account in (None, greedy):
        allowance.leave(account)
        await turns()

    assert (done(many), one.done()) == ([True, False, False], True)
    for task in many:
        task.cancel()
