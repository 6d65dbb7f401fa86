"""Attempts that are ready at the same moment begin in turns: those of an account do not all come before another's."""

import asyncio
import math
from ipaddress import ip_network
from uuid import uuid4

from tests.support.rounds import looks_per_slice
from tests.support.transports import Post, StandInTransport, a_test_of
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.guard import Guard
from waypost.dispatch.resolver import SystemResolver
from waypost.dispatch.run import Sender, SendSettings
from waypost.dispatch.stages import Times
from waypost.domain.attempts import Outcome
from waypost.domain.targets import Ports
from waypost.store.vault import Vault

READY = 20
VAULT = Vault("the key of the tests")


class Order(StandInTransport):
    """Note the order in which requests are posted."""

    def __init__(self) -> None:
        self.posted: list[str] = []

    async def respond(self, post: Post) -> Answer | Failure:
        self.posted.append(post.target.url)
        return Failure(Outcome.CONNECT_FAILED)


async def test_an_attempt_does_not_wait_for_all_that_another_account_has_ready() -> None:
    order, guard = Order(), Guard(SystemResolver(), ports=Ports.parse("80"), allow=(ip_network("127.0.0.0/8"),))
    sender = Sender(guard, order, VAULT, SendSettings("Waypost/test"))
    busy, other = uuid4(), uuid4()
    ready = [a_test_of("http://127.0.0.1/busy", VAULT, busy) for _ in range(READY)]

    with looks_per_slice(1):
        await asyncio.gather(
            *(
                sender.run(claimed, endpoint, math.inf, Times(waited=0.0, claiming_since=0.0))
                for claimed, endpoint in [*ready, a_test_of("http://127.0.0.1/other", VAULT, other)]
            )
        )

    assert len(order.posted) == READY + 1
    assert order.posted.index("http://127.0.0.1/other") <= 2  # where each has had a turn
