"""The hosts of a database URL: each is tried separately, and the one that accepts writes is used."""

import asyncio

import asyncpg
import pytest

from waypost.store.hosts import Hosts, one_host_each
from waypost.store.trouble import DatabaseTrouble, trouble_of


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://a:b@one/c", ["postgresql://a:b@one/c"]),
        ("postgresql://a:b@/c?host=%2Frun&port=5433", ["postgresql://a:b@/c?host=%2Frun&port=5433"]),
        (
            "postgresql://a:b%2Cd@one:1,two:2/c?sslmode=require",
            [
                "postgresql://a:b%2Cd@one:1/c?sslmode=require&target_session_attrs=read-write",
                "postgresql://a:b%2Cd@two:2/c?sslmode=require&target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql://one,[::1]:5433/c",
            [
                "postgresql://one/c?target_session_attrs=read-write",
                "postgresql://[::1]:5433/c?target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql://one,two/c?target_session_attrs=any",
            ["postgresql://one/c?target_session_attrs=any", "postgresql://two/c?target_session_attrs=any"],
        ),
        (
            "postgresql:///c?host=one,two&port=1,2",
            [
                "postgresql:///c?host=one&port=1&target_session_attrs=read-write",
                "postgresql:///c?host=two&port=2&target_session_attrs=read-write",
            ],
        ),
        (
            "postgresql:///c?host=one,two&port=1",
            [
                "postgresql:///c?host=one&port=1&target_session_attrs=read-write",
                "postgresql:///c?host=two&port=1&target_session_attrs=read-write",
            ],
        ),
    ],
)
def test_each_host_of_a_url_gets_its_own_url(url: str, hosts: list[str]) -> None:
    assert one_host_each(url) == hosts


FULL = asyncpg.TooManyConnectionsError("sorry, too many clients already")
STANDBY = asyncpg.TargetServerAttributeNotMatched("none takes writes")
SILENT = TimeoutError()


@pytest.mark.parametrize(
    ("raised", "trouble"),
    [
        ([FULL, STANDBY], DatabaseTrouble.TOO_MANY_CONNECTIONS),
        ([STANDBY, FULL], DatabaseTrouble.TOO_MANY_CONNECTIONS),
        ([STANDBY, SILENT], DatabaseTrouble.READ_ONLY),
        ([SILENT, STANDBY], DatabaseTrouble.READ_ONLY),
        ([SILENT, SILENT], DatabaseTrouble.TIMED_OUT),
    ],
)
async def test_of_several_hosts_the_error_of_the_primary_is_reported(
    monkeypatch: pytest.MonkeyPatch, raised: list[Exception], trouble: DatabaseTrouble
) -> None:
    left = iter(raised)

    async def refuse(*_url: object, **_options: object) -> None:
        raise next(left)

    monkeypatch.setattr(asyncpg, "connect", refuse)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which it is is asserted
        await Hosts("postgresql://one,two/c").connect()
    assert trouble_of(caught.value) is trouble


async def test_after_a_silent_host_the_next_one_is_tried_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def hang(url: str, **_options: object) -> None:
        asked.append(url.partition("@")[2][:3])
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncpg, "connect", hang)
    hosts = Hosts("postgresql://a@one,two/c")
    for _ in range(3):
        connecting = asyncio.create_task(hosts.connect())
        await asyncio.wait([connecting], timeout=0)
        connecting.cancel()
        await asyncio.wait([connecting])

    assert asked == ["one", "two", "one"]
