"""Names are resolved once at a time and cached briefly, and the cache is bounded."""

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
    """Answers when released."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        self.asked += 1
        await self.may_answer.wait()
        raise OSError(host)


async def test_an_answer_is_cached_for_a_while() -> None:
    clock, table = Clock(), TableResolver.of("a.test", ["1.1.1.1"], ["8.8.8.8"])
    resolver = RememberingResolver(table, seconds=10, now=clock)
    answers = []

    for clock.seconds in (0.0, 9.9, 10.0):
        answers.append(await resolver.resolve("a.test"))

    assert [str(one) for (one,) in answers] == ["1.1.1.1", "1.1.1.1", "8.8.8.8"]
    assert table.asked["a.test"] == 2


async def test_a_failure_is_cached_too() -> None:
    table = TableResolver()
    resolver = RememberingResolver(table, now=Clock())

    for _ in range(3):
        with pytest.raises(OSError, match=r"a\.test"):
            await resolver.resolve("a.test")

    assert table.asked["a.test"] == 1


async def test_concurrent_requests_for_a_name_share_one_lookup() -> None:
    slow = SlowResolver()
    resolver = RememberingResolver(slow, now=Clock())
    waiting = [asyncio.create_task(resolver.resolve("a.test")) for _ in range(20)]
    slow.may_answer.set()

    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(answer) for answer in answers] == [OSError] * 20
    assert slow.asked == 1


async def test_a_hanging_lookup_is_never_started_twice() -> None:
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


async def test_the_cache_holds_no_more_names_than_its_limit() -> None:
    table = TableResolver(**{f"{number}.test": [["1.1.1.1"]] for number in range(4)})
    resolver = RememberingResolver(table, most=3, now=Clock())

    for number in (0, 1, 2, 3, 3, 0):
        await resolver.resolve(f"{number}.test")

    assert table.asked == {"0.test": 2, "1.test": 1, "2.test": 1, "3.test": 1}


async def test_names_are_resolved_by_the_operating_system() -> None:
    assert ip_address("127.0.0.1") in await SystemResolver().resolve("localhost")


async def test_a_name_unknown_to_the_operating_system_is_an_error() -> None:
    # Refused before any name server is asked: the name is too long for one.
    with pytest.raises(OSError, match=r".+"):
        await SystemResolver().resolve(".".join(["a" * 63] * 4 + ["test"]))
