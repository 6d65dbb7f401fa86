"""Repeated refusals are answered slowly, so that a program that ignores them costs next to nothing."""

import asyncio
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest

from waypost.app.front import refusing_slowly
from waypost.app.refusals import A_SECOND, AT_ONCE, BYTES_OF_ONE, LONGEST_SECONDS, RefusalPace
from waypost.turns import note_account, short_call

A, B = UUID(int=1), UUID(int=2)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_first_refusals_are_answered_at_once_and_the_others_ten_a_second() -> None:
    pace = RefusalPace(Clock())

    waits = [pace.seconds(A, 0) for _ in range(AT_ONCE + 3)]

    assert waits[:AT_ONCE] == [0.0] * AT_ONCE
    assert waits[AT_ONCE:] == pytest.approx([1 / A_SECOND, 2 / A_SECOND, 3 / A_SECOND])
    assert pace.seconds(B, 0) == 0.0


def test_whoever_waits_between_calls_is_answered_at_once() -> None:
    clock = Clock()
    pace = RefusalPace(clock)
    for _ in range(AT_ONCE + 1):
        pace.seconds(A, 0)

    clock.now += 1 / A_SECOND + 1

    assert [pace.seconds(A, 0) for _ in range(A_SECOND)] == [0.0] * A_SECOND


def test_a_refused_body_counts_by_its_size() -> None:
    pace = RefusalPace(Clock())

    pace.seconds(A, AT_ONCE * BYTES_OF_ONE)

    assert pace.seconds(A, 0) == pytest.approx(2 / A_SECOND)


def test_nobody_waits_longer_than_clients_do() -> None:
    clock = Clock()
    pace = RefusalPace(clock)
    for _ in range(1_000):
        longest = pace.seconds(A, 0)

    clock.now += LONGEST_SECONDS + AT_ONCE / A_SECOND

    assert longest == LONGEST_SECONDS
    assert pace.seconds(A, 0) == 0.0


async def answered(application: Any, account: UUID | None, address: str, log: list[str]) -> None:
    """Call for an account or, without one, from an address only; the log gets it once it is answered."""

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            log.append(f"{address} {message['status']}")

    async def receive() -> Any:
        raise AssertionError("a body is read")

    with short_call():
        if account is not None:
            note_account(account)
        await application({"type": "http", "client": (address, 1), "headers": []}, receive, send)


def answering(status: HTTPStatus) -> Any:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    return application


@pytest.mark.parametrize("account", [A, None], ids=["of an account", "of an address"])
async def test_only_the_refusals_of_who_had_many_wait(account: UUID | None) -> None:
    pace, log = RefusalPace(Clock()), list[str]()
    refusing = refusing_slowly(answering(HTTPStatus.TOO_MANY_REQUESTS), pace)
    accepting = refusing_slowly(answering(HTTPStatus.OK), pace)
    for _ in range(AT_ONCE):
        await answered(refusing, account, "192.0.2.1", log)

    waiting = asyncio.create_task(answered(refusing, account, "192.0.2.1", log))
    await asyncio.sleep(0)
    await answered(accepting, account, "192.0.2.1", log)
    await answered(refusing, B, "192.0.2.2", log)
    await answered(refusing, None, "192.0.2.3", log)
    await waiting

    assert log[AT_ONCE:] == ["192.0.2.1 200", "192.0.2.2 429", "192.0.2.3 429", "192.0.2.1 429"]
