"""The number of concurrent attempts to one address is limited."""

import asyncio
from ipaddress import ip_address

import pytest

from waypost.dispatch.addresses import AddressSlots

HERE, THERE = ip_address("203.0.113.7"), ip_address("203.0.113.8")


async def turn(slots: AddressSlots, order: list[int], number: int) -> None:
    assert await slots.wait(HERE, 20)
    order.append(number)


async def test_a_full_address_has_no_free_slot_while_others_do() -> None:
    slots = AddressSlots(2)

    taken = [slots.take(HERE), slots.take(HERE), slots.take(HERE), slots.take(THERE)]

    assert taken == [True, True, False, True]


async def test_waiters_get_released_slots_in_order() -> None:
    slots, order = AddressSlots(1), list[int]()
    slots.take(HERE)
    waiting = [asyncio.create_task(turn(slots, order, number)) for number in range(3)]
    await asyncio.wait(waiting, timeout=0)  # they have begun

    for number in range(3):
        slots.leave(HERE)
        await waiting[number]

    assert order == [0, 1, 2]
    assert not slots.take(HERE)
    slots.leave(HERE)
    assert slots.take(HERE)


async def test_a_waiter_that_gives_up_takes_no_slot() -> None:
    slots = AddressSlots(1)
    slots.take(HERE)

    assert not await slots.wait(HERE, 0)

    slots.leave(HERE)
    assert slots.take(HERE)


async def test_waits_end_when_they_are_over_and_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.dispatch.addresses.LOOK_SECONDS", 0.01)
    slots, order = AddressSlots(1), list[int]()
    slots.take(HERE)
    patient = asyncio.create_task(turn(slots, order, 1))

    hasty = [await slots.wait(HERE, 0.001) for _ in range(2)]

    slots.leave(HERE)
    await patient
    assert (hasty, order) == ([False, False], [1])


async def test_a_waiter_cancelled_on_its_turn_passes_the_slot_on() -> None:
    slots, order = AddressSlots(1), list[int]()
    slots.take(HERE)
    first, second = (asyncio.create_task(turn(slots, order, number)) for number in range(2))
    await asyncio.wait([first, second], timeout=0)  # they have begun

    slots.leave(HERE)
    first.cancel()
    await second

    assert order == [1]
    with pytest.raises(asyncio.CancelledError):
        await first
