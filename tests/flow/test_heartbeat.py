"""A dead man's switch hears from Waypost only while Waypost works."""

from ipaddress import ip_network

import pytest

from tests.support.receiver import OK, always, answering, receiving
from waypost.alerts.heartbeat import Heartbeat
from waypost.alerts.posting import Poster
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.targets import EVERY_PORT


def heartbeat(url: str, not_ready: str | None = None, *, allow: str = "127.0.0.0/8") -> Heartbeat:
    guard = Guard(SystemResolver(), ports=EVERY_PORT, allow=(ip_network(allow),))

    async def ready() -> str | None:
        return not_ready

    return Heartbeat(Poster(guard, PyreqwestTransport(), "Waypost/test"), url, ready)


@pytest.mark.parametrize(
    ("not_ready", "status", "beats", "requests"),
    [(None, 200, True, 1), (None, 500, False, 1), ("The disk is full.", 200, False, 0)],
)
async def test_only_a_server_that_is_ready_sends_a_heartbeat(
    not_ready: str | None, status: int, *, beats: bool, requests: int
) -> None:
    async with receiving(always(OK if status == 200 else answering(status))) as receiver:
        accepted = await heartbeat(receiver.url, not_ready).beat()

    assert (accepted, len(receiver.requests)) == (beats, requests)


async def test_a_heartbeat_is_sent_to_no_forbidden_address() -> None:
    async with receiving(always(OK)) as receiver:
        assert not await heartbeat(receiver.url, allow="192.0.2.0/24").beat()

    assert receiver.requests == []
