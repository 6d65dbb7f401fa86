"""Large answers of carriers and aggregators are read in a thread, so that the event loop goes on meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from tests.contract.test_asking import SAMPLES, asked, framed, pushed
from tests.support.carrier_calls import JSON, source, token
from tests.support.carrier_cases import cases_of
from tests.support.receiver import answering, receiving
from waypost.domain.carriers import CarrierError, CarrierSource
from waypost.sources.carriers import carriers
from waypost.sources.http import CarrierHttp
from waypost.turns import ASIDE_FROM_BYTES

ENOUGH = b" " * ASIDE_FROM_BYTES
"""White space after an answer, or within it, makes it large and says nothing else."""


class Counting(ThreadPoolExecutor):
    """A loop's threads, and how many pieces of work they were given."""

    given = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.given += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
async def http() -> AsyncIterator[CarrierHttp]:
    client = CarrierHttp(timeout_seconds=10, user_agent="Waypost/0")
    yield client
    await client.close()


async def read_in_threads(opened: CarrierSource, number: str) -> int:
    """Poll, whatever the answer says, and return how much was read in threads."""
    threads = Counting(1)
    asyncio.get_running_loop().set_default_executor(threads)
    with suppress(CarrierError):
        await opened.poll(number, {})
    return threads.given


@pytest.mark.parametrize("name", [carrier.name for carrier in carriers()])
async def test_a_carriers_large_answer_is_read_in_a_thread_and_a_small_one_at_once(
    http: CarrierHttp, name: str
) -> None:
    case = next(one for one in cases_of(name.replace("-", "_")) if one.status == 200 and one.expected is not None)
    (fields,) = [one.fields for one in carriers() if one.name == name]
    credentials = {field.name: "a-key" for field in fields}
    tokens = [token()] if hasattr(source(http, name, 1, credentials), "oauth") else []
    read = []
    for body in (case.body, case.body + ENOUGH):
        answers = [*tokens, answering(200, JSON, body=body)]
        async with receiving(partial(lambda found, number: found[number - 1], answers)) as carrier:
            read.append(await read_in_threads(source(http, name, carrier.port, credentials), case.tracking_number))

    assert read == [0, 1]


@pytest.mark.parametrize("name", SAMPLES)
async def test_an_aggregators_large_answer_is_read_in_a_thread(http: CarrierHttp, name: str) -> None:
    parcel, _, inside = pushed(name)
    padded = inside | {"of_no_interest": ENOUGH.decode()}
    body = json.dumps(framed(name, padded)).encode()
    async with receiving(lambda _: answering(200, JSON, body=body)) as service:
        opened = asked(name, http, f"http://127.0.0.1:{service.port}")
        assert await read_in_threads(opened, parcel.tracking_number) == 1
