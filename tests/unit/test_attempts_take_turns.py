"""Attempts that are ready at the same moment begin in turns: those of an account do not all come before another's."""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from uuid import UUID, uuid4

from tests.support.rounds import looks_per_slice
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.stages import Times
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.attempts import Outcome
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Ports, Target
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.vault import Vault

READY = 20
VAULT = Vault("the key of the tests")


class Order(PyreqwestTransport):
    """Note the order in which requests are posted, and post none."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: list[str] = []

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
    ) -> Answer | Failure:
        del address, headers, body, deadline_seconds
        self.posted.append(target.url)
        return Failure(Outcome.CONNECT_FAILED)


def a_test_of(account: UUID, url: str) -> tuple[Claimed, LaneEndpoint]:
    endpoint = uuid4()
    secret = VAULT.seal("whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=", account=account, endpoint=endpoint)
    return Claimed(0, uuid4(), endpoint, uuid4(), uuid4(), 1, 0, 1, None, sample="transit"), LaneEndpoint(
        id=endpoint, account=account, email="a@b.co", url=url, version="V4", enabled=True, deleted=False, secret=secret,
        previous_secret=None, previous_until=None, headers=None, rate_limit_per_second=None,
        updated_at=datetime.now(UTC),
    )  # fmt: skip


async def test_an_attempt_does_not_wait_for_all_that_another_account_has_ready() -> None:
    order, guard = Order(), Guard(SystemResolver(), ports=Ports.parse("80"), allow=(ip_network("127.0.0.0/8"),))
    sender = Sender(guard, order, VAULT, SendSettings("Waypost/test"))
    busy, other = uuid4(), uuid4()
    ready = [a_test_of(busy, "http://127.0.0.1/busy") for _ in range(READY)]

    with looks_per_slice(1):
        await asyncio.gather(
            *(
                sender.run(claimed, endpoint, math.inf, Times(waited=0.0, claiming_since=0.0))
                for claimed, endpoint in [*ready, a_test_of(other, "http://127.0.0.1/other")]
            )
        )

    assert len(order.posted) == READY + 1
    assert order.posted.index("http://127.0.0.1/other") <= 2  # where each has had a turn
