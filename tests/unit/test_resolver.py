"""Names are asked for once at a time, remembered shortly, and never too many of them."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from tests.support.resolver import TableResolver
from waypost.dispatch.resolver import RememberingResolver, SystemResolver
from waypost.domain.ip_addresses import IPAddress


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class SlowResolver:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        self.asked += 1
        await self.may_answer.wait()
        raise OSError(host)


async def test_an_answer_is_remembered_for_a_while_and_then_asked_for_again() -> None:
    clock, table = Clock(), TableResolver.of("a.test", ["1.1.1.1"], ["8.8.8.8"])
    resolver = RememberingResolver(table, seconds=10, now=clock)
    answers = []

    for clock.seconds in (0.0, 9.9, 10.0):
        answers.append(await resolver.resolve("a.test"))

    assert [str(one) for (one,) in answers] == ["1.1.1.1", "1.1.1.1", "8.8.8.8"]
    assert table.asked["a.test"] == 2


async def test_a_failure_is_remembered_too() -> None:
    table = TableResolver()
    resolver = RememberingResolver(table, now=Clock())

    for _ in range(3):
        with pytest.raises(OSError, match=r"a\.test"):
            await resolver.resolve("a.test")

    assert table.asked["a.test"] == 1


async def test_all_who_ask_for_a_name_at_once_wait_for_one_lookup() -> None:
    slow = SlowResolver()
    resolver = RememberingResolver(slow, now=Clock())
    waiting = [asyncio.create_task(resolver.resolve("a.test")) for _ in range(20)]
    slow.may_answer.set()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(answer) for answer in answers] == [OSError] * 20
    assert slow.asked == 1


async def test_a_lookup_that_hangs_is_not_started_a_second_time_however_old_it_is() -> None:
    clock, slow = Clock(), SlowResolver()
    resolver = RememberingResolver(slow, now=clock)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await resolver.resolve("a.test")
    clock.seconds = 1000.0

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await resolver.resolve("a.test")

    assert slow.asked == 1


async def test_no_more_names_are_remembered_than_is_said() -> None:
    table = TableResolver(**{f"{number}.test": [["1.1.1.1"]] for number in range(4)})
    resolver = RememberingResolver(table, most=3, now=Clock())

    for number in (0, 1, 2, 3, 3, 0):
        await resolver.resolve(f"{number}.test")

    assert table.asked == {"0.test": 2, "1.test": 1, "2.test": 1, "3.test": 1}


async def test_the_operating_system_is_asked() -> None:
    assert ip_address("127.0.0.1") in await SystemResolver().resolve("localhost")


async def test_a_name_that_the_operating_system_does_not_know_is_an_error() -> None:
    # Refused before any name server is asked: the name is too long for one.
    with pytest.raises(OSError, match=r".+"):
        await SystemResolver().resolve(".".join(["a" * 63] * 4 + ["test"]))
