"""Connections and clients are kept as long as both ends allow, and a reset is never read as a response."""

import asyncio
import time
from ipaddress import ip_address
from pathlib import Path

import pytest
from pyreqwest.client import Client

from tests.contract.test_transport import BODY, HEADERS, LOOPBACK, post, target, trusting
from tests.support import hostile
from tests.support.receiver import OK, always, answering, receiving
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.kept_clients import (
    CLIENT_LIFE_SECONDS,
    IDLE_SECONDS,
    RENEWED_AFTER_SECONDS,
    ClientPlan,
    PinnedTarget,
)
from waypost.dispatch.transport import PyreqwestTransport
from waypost.dispatch.trust import Trust
from waypost.domain.attempts import Cause, Outcome


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with receiving() as receiver:
        transport = trusting()

        for _ in range(5):
            await post(transport, target(receiver))

        assert [request.connection for request in receiver.requests] == [1] * 5


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (b"HTTP/1.1 204 X\r\n\r\n", b""),
        (b"HTTP/1.1 204 X\r\ncontent-length: 5\r\n\r\n", b""),
        (answering(200), b""),
        (answering(200, body=b"x" * 60_000), b"x" * 16_384),
        (b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n", b"ab"),
        (
            b"HTTP/1.1 200 X\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            b"ab",
        ),
    ],
    ids=["no body", "no body but a length", "empty", "long", "chunks", "chunks and a length that is ignored"],
)
async def test_a_connection_is_kept_after_a_response_whose_end_is_known(response: bytes, body: bytes) -> None:
    async with receiving(always(response)) as receiver:
        transport = trusting()

        answers = [await post(transport, target(receiver)) for _ in range(3)]

        assert [one.body for one in answers if isinstance(one, Answer)] == [body] * 3
        assert [request.connection for request in receiver.requests] == [1] * 3


async def noticed_by_client(port: int) -> None:
    """Return when the client has let go of what the receiver closed: what is sent before that is nobody's failure."""
    while await asyncio.to_thread(waits_to_be_closed, port):
        pass


def waits_to_be_closed(port: int) -> bool:
    lines = [line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
    established, close_wait = "01", "08"
    return any(line[2].endswith(f":{port:04X}") and line[3] in (established, close_wait) for line in lines)


async def test_an_idle_connection_closed_by_the_endpoint_is_not_a_failure() -> None:
    async with receiving(always(hostile.then_close(OK))) as receiver:
        transport, outcomes = PyreqwestTransport(), []

        for _ in range(30):
            outcomes.append((await post(transport, target(receiver))).outcome)
            await receiver.emptied()
            await noticed_by_client(receiver.port)

        assert set(outcomes) == {Outcome.SUCCEEDED}
        assert (len(receiver.requests), receiver.connections) == (30, 30)


async def test_a_reset_of_a_kept_connection_is_retried_once_immediately() -> None:
    async with receiving(lambda number: hostile.then_reset() if number == 2 else OK) as receiver:
        transport = trusting()
        await post(transport, target(receiver))

        second = await post(transport, target(receiver))

        assert second.outcome is Outcome.SUCCEEDED
        assert [request.connection for request in receiver.requests] == [1, 1, 2]


async def test_a_second_reset_is_retried_on_schedule() -> None:
    async with receiving(lambda number: OK if number == 1 else hostile.then_reset()) as receiver:
        transport = trusting()
        await post(transport, target(receiver))

        assert await post(transport, target(receiver)) == Failure(Outcome.RESET)
        assert len(receiver.requests) == 3


async def test_a_reset_of_a_new_connection_is_retried_on_schedule() -> None:
    async with receiving(always(hostile.then_reset())) as receiver:
        assert await post(PyreqwestTransport(), target(receiver)) == Failure(Outcome.RESET)
        assert len(receiver.requests) == 1


async def test_a_reset_after_the_idle_time_is_retried_on_schedule() -> None:
    clock = Clock()
    async with receiving(lambda number: OK if number == 1 else hostile.then_reset()) as receiver:
        transport = PyreqwestTransport(now=clock)
        await post(transport, target(receiver))

        clock.seconds = IDLE_SECONDS + 1

        assert await post(transport, target(receiver)) == Failure(Outcome.RESET)
        assert len(receiver.requests) == 2


@pytest.mark.parametrize("value", ["timeout=1", "timeout=1, max=100", "max=5, Timeout = 1", "timeout=0"])
async def test_a_connection_is_not_reused_beyond_the_announced_keep_alive(value: str) -> None:
    async with receiving(always(answering(200, f"keep-alive: {value}"))) as receiver:
        transport = PyreqwestTransport()

        for _ in range(3):
            await post(transport, target(receiver))

        assert [request.connection for request in receiver.requests] == [1, 2, 3]


async def test_changing_keep_alive_announcements_create_few_clients() -> None:
    made = list[object]()

    class Counting(PyreqwestTransport):
        def _build(self, plan: ClientPlan) -> Client:
            made.append(plan.idle)
            return super()._build(plan)

    async with receiving(lambda number: answering(200, f"keep-alive: timeout={1 + number % 9}")) as receiver:
        transport = trusting(made=Counting)
        for _ in range(30):
            await post(transport, target(receiver))

    assert made == [4.0, 1.0, 0.0]


async def test_a_longer_or_invalid_keep_alive_changes_nothing() -> None:
    announced = ["timeout=60", "timeout=", "timeout=-1", "max=3", "x" * 10_000]
    async with receiving(lambda number: answering(200, f"keep-alive: {announced[number - 1]}")) as receiver:
        transport = trusting()

        for _ in announced:
            await post(transport, target(receiver))

        assert receiver.connections == 1


async def test_an_unsolicited_response_is_not_used_for_the_next_request() -> None:
    async with receiving(lambda number: OK + answering(500) if number == 1 else answering(204)) as receiver:
        transport = PyreqwestTransport()

        statuses = [await post(transport, target(receiver)) for _ in range(3)]

        assert [one.status_code for one in statuses if isinstance(one, Answer)] == [200, 204, 204]


async def test_a_client_and_its_connections_are_closed_after_five_minutes() -> None:
    clock = Clock()
    async with receiving() as receiver:
        transport = PyreqwestTransport(now=clock)
        await post(transport, target(receiver))

        clock.seconds = CLIENT_LIFE_SECONDS
        await post(transport, target(receiver))

        assert [request.connection for request in receiver.requests] == [1, 2]
        await receiver.left_open(1)


@pytest.mark.parametrize("seconds", [0.0, RENEWED_AFTER_SECONDS], ids=["it was new to us", "its client is old"])
async def test_the_client_of_an_endpoint_in_use_is_replaced_before_a_request_needs_the_next(seconds: float) -> None:
    clock, plans = Clock(), list[ClientPlan]()

    class Noting(PyreqwestTransport):
        def _build(self, plan: ClientPlan) -> Client:
            plans.append(plan)
            return super()._build(plan)

    async with receiving() as receiver:
        transport = trusting(made=Noting, now=clock) if seconds else Noting(now=clock)
        pinned = PinnedTarget(target(receiver), LOOPBACK)
        await post(transport, target(receiver))
        clock.seconds = seconds
        if seconds:
            await post(transport, target(receiver))
        first = transport._clients._kept[pinned.key]

        assert first.next is not None
        await first.next.client

        await post(transport, target(receiver))
        assert transport._clients._kept[pinned.key] is first.next
        assert [plan.trusted for plan in plans] == [bool(seconds), True]


async def test_a_changed_address_gets_a_new_connection() -> None:
    async with receiving() as receiver:
        transport = PyreqwestTransport()
        await post(transport, target(receiver))

        refused = await transport.post(target(receiver), ip_address("127.0.0.2"), HEADERS, BODY, deadline_seconds=10)

        assert refused == Failure(Outcome.CONNECT_FAILED, Cause.PORT_CLOSED)
        assert receiver.connections == 1


async def test_the_least_recently_used_client_is_closed_if_there_are_too_many() -> None:
    async with receiving() as first, receiving() as second, receiving() as third:
        trust = Trust(time.monotonic)
        trust.answered(LOOPBACK)
        transport = PyreqwestTransport(clients=2, trust=trust)

        for receiver in (first, second, first, third):
            await post(transport, target(receiver))

        await second.emptied()
        assert [len(receiver.open) for receiver in (first, second, third)] == [1, 0, 1]


async def test_unused_clients_are_closed_when_the_next_one_is_created() -> None:
    clock = Clock()
    async with receiving() as forgotten, receiving() as used:
        transport = PyreqwestTransport(now=clock)
        for receiver in (forgotten, used):
            await post(transport, target(receiver))

        clock.seconds = CLIENT_LIFE_SECONDS
        await post(transport, target(used))

        assert [port for _, _, port, _ in transport._clients] == [used.port]
        await forgotten.emptied()


async def test_creating_a_client_is_retried_after_a_failure() -> None:
    async with receiving() as receiver:
        transport = PyreqwestTransport(source_address="no address")
        with pytest.raises(ValueError, match="IP address"):
            await post(transport, target(receiver))

        transport._source_address = None

        assert (await post(transport, target(receiver))).outcome is Outcome.SUCCEEDED
