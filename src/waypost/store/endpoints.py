"""Endpoints of one account, read. ``endpoint_changes`` writes them."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.ids import made_at
from waypost.domain.times import from_ms
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one

EXAMINED: Final = 1_000
MOST_NAMED: Final = 100


async def https_urls(session: Session, limit: int) -> list[str]:
    """Return URLs of enabled endpoints of all accounts that use TLS, each once."""
    return [row["url"] for row in await fetch(session, "https_urls", limit)]


class EndpointRow(msgspec.Struct, frozen=True):
    """The row of an endpoint, with its health, without secrets.

    ``statuses`` None means all; custom ``headers`` are sealed. ``paused_until`` is when its breaker lets the next probe
    through, None if the breaker is not open.
    """

    id: UUID
    account: UUID
    url: str
    description: str
    version: str
    statuses: list[str] | None
    trigger: str
    ordering: str
    rate_limit_per_second: int | None
    enabled: bool
    disabled_reason: str | None
    headers: bytes | None
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    last_error: str | None
    last_success_at: datetime | None
    off_since: datetime | None
    disable_after_days: int | None
    recover_automatically: bool
    probed_at: datetime | None
    paused_until: datetime | None


class NamedEndpoint(msgspec.Struct, frozen=True):
    """The row of an endpoint with its name only, also of a deleted one."""

    id: UUID
    url: str
    description: str
    deleted: bool


class SkippedEvent(msgspec.Struct, frozen=True):
    """An event that made no delivery for an endpoint; ``reason`` is a ``domain.endpoints.Skip``."""

    id: UUID
    tracking: UUID
    tracking_number: str
    courier_code: str
    status: str
    reason: str

    @property
    def at(self) -> datetime:
        """When it happened."""
        return from_ms(made_at(self.id))


class SealedSecrets(msgspec.Struct, frozen=True):
    """An endpoint's secret and, while a rotation overlaps, the previous one."""

    current: bytes
    previous: bytes | None
    previous_until: datetime | None


async def of_account(session: Session, account: UUID, *, before: UUID | None, limit: int) -> list[EndpointRow]:
    """Return the rows of endpoints that are not deleted, newest first, with ids below ``before``."""
    rows = await fetch(session, "endpoints", account, None, before, limit)
    return [EndpointRow(**row) for row in rows]


async def of_account_ever(session: Session, account: UUID) -> list[NamedEndpoint]:
    """Return the names of endpoints, newest first, including deleted ones: their deliveries are still history."""
    return [NamedEndpoint(**row) for row in await fetch(session, "named_endpoints", account, MOST_NAMED)]


async def find(session: Session, account: UUID, endpoint: UUID) -> EndpointRow | None:
    """Return the row of one of the account's endpoints; None if there is none, or it is deleted."""
    row = await fetch_one(session, "endpoints", account, endpoint, None, 1)
    return None if row is None else EndpointRow(**row)


async def secrets_of(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Return the sealed secrets, the previous one only while it still signs; None if there is no such endpoint."""
    row = await fetch_one(session, "endpoint_secrets", account, endpoint)
    return None if row is None else SealedSecrets(**row)


async def skipped(session: Session, account: UUID, endpoint: UUID, *, limit: int) -> list[SkippedEvent]:
    """Return events that made no delivery for an endpoint, newest first, among the account's newest thousand."""
    rows = await fetch(session, "skipped_of_endpoint", ALL_BUCKETS, account, endpoint.hex, limit, EXAMINED)
    return [SkippedEvent(**row) for row in rows]
