"""A transport that connects to nothing, for tests that decide themselves what each request comes to."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from waypost.dispatch.answers import Answer, Failure
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Target
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.vault import Vault

_SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="


class Post(NamedTuple):
    """What a transport is asked to post."""

    target: Target
    address: IPAddress
    headers: Sequence[tuple[str, str]]
    body: bytes
    deadline_seconds: float


class StandInTransport(ABC):
    """Accepts every connection and keeps none; a subclass responds."""

    @abstractmethod
    async def respond(self, post: Post) -> Answer | Failure:
        """Return what a request comes to."""

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
        account: UUID | None = None,
    ) -> Answer | Failure:
        del account
        return await self.respond(Post(target, address, headers, body, deadline_seconds))

    async def connects(self, address: IPAddress, port: int, *, seconds: float) -> bool:
        del address, port, seconds
        return True

    def is_warm(self, target: Target, address: IPAddress) -> bool:
        del target, address
        return False


def a_test_of(url: str, vault: Vault, account: UUID | None = None) -> tuple[Claimed, LaneEndpoint]:
    """Return a claimed test of a new endpoint with this URL; without an account, of a new one."""
    endpoint, account = uuid4(), account or uuid4()
    return Claimed(0, uuid4(), endpoint, uuid4(), uuid4(), 1, 0, 1, None, sample="transit"), LaneEndpoint(
        id=endpoint, account=account, email="a@b.co", url=url, version="V4", enabled=True, deleted=False,
        secret=vault.seal(_SECRET, account=account, endpoint=endpoint), previous_secret=None, previous_until=None,
        headers=None, rate_limit_per_second=None, updated_at=datetime.now(UTC),
    )  # fmt: skip
