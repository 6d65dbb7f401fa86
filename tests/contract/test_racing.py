"""For a name with several addresses, the first that accepts a connection gets the only POST."""

import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address

import pytest

from tests.contract.test_transport import trusting
from tests.support.receiver import Receiver, receiving
from waypost.dispatch.addresses import AddressSlots
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Admitted
from waypost.dispatch.racing import Race, warm_first
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.attempts import Outcome
from waypost.domain.targets import Ports, parse_target

SILENT = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
REFUSING = ("127.0.0.5", "127.0.0.6")
GOOD = "127.0.0.9"


@contextmanager
def silent(port: int) -> Iterator[None]:
    """Make connections to the silent addresses hang: their queues are full, so the kernel drops new ones."""
    kept = []
    for address in SILENT:
        listening = socket.socket()
        listening.bind((address, port))
        listening.listen(0)
        kept.append(listening)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)  # noqa: FBT003 - the standard library's own
            waiting.connect_ex((address, port))
            kept.append(waiting)
    try:
        yield
    finally:
        for one in kept:
            one.close()


@asynccontextmanager
async def good_beside_silent() -> AsyncIterator[Receiver]:
    async with receiving(host=GOOD) as receiver:
        with silent(receiver.port):
            yield receiver


def admitted(receiver: Receiver, addresses: Sequence[str]) -> Admitted:
    target = parse_target(f"http://shop.test:{receiver.port}/hook", ports=Ports.parse("1-65535"))
    return Admitted(target, tuple(ip_address(one) for one in addresses))


async def post(
    to: Admitted, *, transport: PyreqwestTransport | None = None, slots: AddressSlots | None = None, seconds: float = 20
) -> Answer | Failure:
    """Post as the sender does, which has already taken the slot of the first address."""
    slots, transport = slots or AddressSlots(), transport or PyreqwestTransport()
    to = warm_first(to, transport)
    assert slots.take(to.addresses[0])
    answer = await Race(transport, slots, to, ends=time.monotonic() + seconds).post((), b"{}")
    slots.leave(to.addresses[0])
    assert not slots._taken
    return answer


@pytest.mark.parametrize(
    "addresses",
    [(*SILENT, GOOD), (*REFUSING, GOOD), (GOOD, *SILENT), (SILENT[0], REFUSING[0], GOOD), (GOOD, GOOD)],
)
async def test_one_working_address_is_enough_and_gets_the_webhook_once(addresses: Sequence[str]) -> None:
    async with good_beside_silent() as receiver:
        answer = await post(admitted(receiver, addresses))

        assert answer.outcome is Outcome.SUCCEEDED
        assert len(receiver.requests) == 1


async def test_two_working_addresses_get_one_webhook_in_total() -> None:
    async with receiving(host=GOOD) as first, receiving(host="127.0.0.10", port=first.port) as second:
        answer = await post(admitted(first, (GOOD, "127.0.0.10")))

        assert answer.outcome is Outcome.SUCCEEDED
        assert len(first.requests) + len(second.requests) == 1


@pytest.mark.parametrize("addresses", [SILENT, REFUSING])
async def test_without_any_connection_no_response_is_awaited(addresses: Sequence[str]) -> None:
    async with good_beside_silent() as receiver:
        answer = await post(admitted(receiver, addresses), seconds=1)

        assert answer == Failure(Outcome.CONNECT_FAILED)


async def test_an_address_without_a_free_slot_is_left_out() -> None:
    slots = AddressSlots(1)
    async with good_beside_silent() as receiver:
        slots.take(ip_address(GOOD))
        to = admitted(receiver, (REFUSING[0], GOOD))
        assert slots.take(to.addresses[0])

        answer = await Race(PyreqwestTransport(), slots, to, ends=time.monotonic() + 20).post((), b"{}")

        assert answer == Failure(Outcome.CONNECT_FAILED)
        assert receiver.connections == 0


async def test_there_is_no_race_while_a_kept_connection_exists() -> None:
    transport = trusting(ip_address(GOOD))
    async with good_beside_silent() as receiver:
        to = admitted(receiver, (*SILENT, GOOD))
        await post(to, transport=transport)
        before = receiver.connections

        await post(to, transport=transport)

        assert len(receiver.requests) == 2
        assert receiver.connections == before
