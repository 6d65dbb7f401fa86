"""How often an account may call: over all processes together, with a response that says when to retry."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Self
from uuid import UUID, uuid4

import pytest

from tests.support.api import Api, Caller, serving_api
from waypost.api.call_limits import MOST_A_SECOND, Call, CallLimits
from waypost.api.openapi.document import OPERATIONS
from waypost.store.call_windows import take_calls
from waypost.store.database import Database
from waypost.store.statements import SENT

ACCOUNT = UUID(int=1)
UPDATE = {"tracking_number": "A1", "courier_code": "dhl", "create": True}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Seconds:
    """The seconds of the database's clock that a block ran in: one, or more where the machine is slow."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.count = 0

    async def __aenter__(self) -> Self:
        wait = "select pg_sleep(1 - extract(epoch from clock_timestamp())::numeric % 1)"
        await self._database.serving.execute(wait)
        self._first = await self._now()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.count = await self._now() - self._first + 1

    async def _now(self) -> int:
        now: int = await self._database.serving.fetchval("select floor(extract(epoch from clock_timestamp()))::integer")
        return now


def held(admitted: int, call: Call, seconds: Seconds) -> bool:
    return MOST_A_SECOND[call] <= admitted <= MOST_A_SECOND[call] * seconds.count


async def admitted(*limits: CallLimits, call: Call = Call.CREATE, calls: int = 1, account: UUID = ACCOUNT) -> int:
    answers = [await one.admit(account, call) for _ in range(calls) for one in limits]
    return sum(answers)


async def test_calls_per_second_are_limited_across_all_processes(database: Database) -> None:
    processes = [CallLimits(database) for _ in range(4)]

    async with Seconds(database) as seconds:
        creations = await admitted(*processes, calls=5)
        others = await admitted(*processes, account=uuid4(), calls=5)
        gets = await admitted(*processes, call=Call.GET, calls=5)

    assert held(creations, Call.CREATE, seconds)
    assert held(others, Call.CREATE, seconds)
    assert held(gets, Call.GET, seconds)


async def test_concurrent_calls_of_one_process_cost_few_statements(database: Database) -> None:
    process, _idle = CallLimits(database), CallLimits(database)
    before = SENT["take_calls"]

    async with Seconds(database) as seconds:
        one_by_one = await admitted(process, call=Call.GET, calls=50)
        at_once = await asyncio.gather(*[process.admit(ACCOUNT, Call.UPDATE) for _ in range(50)])

    assert held(one_by_one, Call.GET, seconds)
    assert held(sum(at_once), Call.UPDATE, seconds)
    assert SENT["take_calls"] - before <= 8 * seconds.count


async def test_the_next_second_has_the_full_limit_again(database: Database) -> None:
    clock = Clock()
    process = CallLimits(database, clock=clock)

    async with Seconds(database):
        await admitted(process, calls=9)
    async with Seconds(database) as seconds:
        clock.now += 1
        assert await admitted(process, calls=9) >= MOST_A_SECOND[Call.CREATE]
    assert seconds.count >= 1


async def test_granted_calls_last_until_the_databases_second_ends(database: Database) -> None:
    async with database.serving.acquire() as session, session.transaction():  # its now() stands still
        first = await take_calls(session, ACCOUNT, Call.GET, wanted=7, most=10)
        second = await take_calls(session, ACCOUNT, Call.GET, wanted=7, most=10)
        third = await take_calls(session, ACCOUNT, Call.GET, wanted=7, most=10)

    assert (first.granted, second.granted, third.granted) == (7, 3, 0)
    assert 0 < first.seconds_left == third.seconds_left <= 1


async def test_every_v1_call_except_updates_is_counted(database: Database) -> None:
    limits = CallLimits(database, clock=Clock())  # its second does not end
    async with serving_api(database, call_limits=limits) as api:
        shop, other = await api.caller(), await api.caller()
        before = SENT["take_calls"]
        assert await admitted(limits, call=Call.V1, calls=1001, account=shop.account) == 1000
        assert SENT["take_calls"] == before

        for one in (one for one in OPERATIONS if one.path.startswith("/v1/") and one.scope not in (None, "updates")):
            answer = await shop.call(one.method, one.path.format(**dict.fromkeys(one.in_path, "x")))
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests"), one.path
            assert answer.headers["retry-after"] == "1"
        assert (await shop.post("/v1/updates", {"updates": [UPDATE]})).status_code == 200
        assert (await other.get("/v1/endpoints")).status_code == 200


@pytest.fixture
async def limited(database: Database) -> AsyncIterator[Api]:
    async with serving_api(database, call_limits=CallLimits(database)) as api:
        yield api


async def test_a_call_over_the_limit_learns_when_to_retry(limited: Api) -> None:
    shop: Caller = await limited.caller()

    codes: list[int] = []
    while 429 not in codes:
        answer = await shop.post("/v4/awb", {"awb_number": "235-69030430"})
        codes.append(answer.status_code)

    assert set(codes[:-1]) == {400}
    assert len(codes) > MOST_A_SECOND[Call.AWB]
    assert (answer.json()["meta"]["code"], answer.json()["data"]) == (429, None)
    assert answer.headers["retry-after"] == "1"
    assert "at most 10 calls of this kind per second" in answer.json()["meta"]["message"]
