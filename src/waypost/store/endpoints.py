"""Endpoints as the API manages them, always of one account."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.endpoints import DisabledReason
from waypost.domain.ids import PLACES, group_of, made_at
from waypost.store.intake_rows import from_ms
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

MOST_COUNTED: Final = 10_000
EXAMINED: Final = 1_000
MOST_NAMED: Final = 100


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint and how it does. ``statuses`` None means all; own ``headers`` are sealed. The secret is not in it."""

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


class EndpointFields(msgspec.Struct, frozen=True):
    """What people choose about an endpoint; own ``headers`` are sealed, None for none."""

    url: str
    description: str
    version: str
    statuses: Collection[str] | None
    trigger: str
    ordering: str
    rate_limit_per_second: int | None
    headers: bytes | None

    def columns(self) -> tuple[object, ...]:
        """Give the values in the order of the statements."""
        statuses = None if self.statuses is None else list(self.statuses)
        first = (self.url, self.description, self.version, statuses, self.trigger, self.ordering)
        return *first, self.rate_limit_per_second, self.headers


class NamedEndpoint(msgspec.Struct, frozen=True):
    """What an endpoint is called."""

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
    """An endpoint's secret and, while a rotation overlaps, the one before it."""

    current: bytes
    previous: bytes | None
    previous_until: datetime | None


async def free_place(session: Session, account: UUID) -> int:
    """Give the place of which the account's endpoints have the fewest; nobody else adds one in this transaction."""
    await execute(session, "lock_account", account)
    taken = Counter(group_of(row["id"])[1] for row in await fetch(session, "endpoint_ids", account))
    return min(range(PLACES), key=lambda place: taken[place])


async def add(
    session: Session, *, endpoint: UUID, account: UUID, fields: EndpointFields, secret: bytes, most: int
) -> bool:
    """Add an endpoint, on, after ``free_place``; False when the account has ``most`` already. ``secret`` is sealed."""
    return await fetch_one(session, "add_endpoint", endpoint, account, *fields.columns(), secret, most) is not None


async def of_account(session: Session, account: UUID, *, before: UUID | None, limit: int) -> list[EndpointRow]:
    """Give endpoints that are not deleted, newest first, of ids smaller than ``before``."""
    rows = await fetch(session, "endpoints", account, None, before, limit)
    return [EndpointRow(**row) for row in rows]


async def of_account_ever(session: Session, account: UUID) -> list[NamedEndpoint]:
    """Give what endpoints are called, newest first, deleted ones too: their deliveries are still history."""
    return [NamedEndpoint(**row) for row in await fetch(session, "named_endpoints", account, MOST_NAMED)]


async def find(session: Session, account: UUID, endpoint: UUID) -> EndpointRow | None:
    """Give one of the account's endpoints; None when it is another's, deleted, or not there."""
    row = await fetch_one(session, "endpoints", account, endpoint, None, 1)
    return None if row is None else EndpointRow(**row)


async def lock(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Keep others from changing an endpoint until the transaction ends; False when there is none."""
    return await fetch_one(session, "lock_endpoint", account, endpoint) is not None


async def change(session: Session, account: UUID, endpoint: UUID, fields: EndpointFields) -> None:
    """Write what people chose about an endpoint."""
    await execute(session, "change_endpoint", account, endpoint, *fields.columns())


async def switch(session: Session, account: UUID, endpoint: UUID, reason: DisabledReason | None) -> None:
    """Turn an endpoint off for a reason, or on for none; nothing happens when it is so already."""
    await execute(session, "switch_endpoint", account, endpoint, None if reason is None else reason.value)


async def delete(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Delete an endpoint; False when there is none. Its row stays, off."""
    return await fetch_one(session, "delete_endpoint", account, endpoint) is not None


async def secrets_of(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Give the secrets; None when there is no such endpoint. The one before is there only while it still signs."""
    row = await fetch_one(session, "endpoint_secrets", account, endpoint)
    return None if row is None else SealedSecrets(**row)


async def rotate(
    session: Session, account: UUID, endpoint: UUID, *, secret: bytes, overlap_seconds: int
) -> SealedSecrets | None:
    """Change the secret (sealed); the present one signs too for so many seconds. None when there is no endpoint."""
    overlap = timedelta(seconds=overlap_seconds)
    row = await fetch_one(session, "rotate_secret", account, endpoint, secret, overlap)
    return None if row is None else SealedSecrets(**row)


async def end_rotation(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Let the previous secret sign no more; None when there is no such endpoint."""
    row = await fetch_one(session, "end_rotation", account, endpoint)
    return None if row is None else SealedSecrets(**row)


async def waiting(session: Session, endpoint: UUID) -> int:
    """Count what waits for an endpoint, to ``MOST_COUNTED`` at most."""
    row = await fetch_one(session, "waiting_of_endpoint", ALL_BUCKETS, endpoint, MOST_COUNTED)
    return 0 if row is None else int(row["waiting"])


async def skipped(session: Session, account: UUID, endpoint: UUID, *, limit: int) -> list[SkippedEvent]:
    """Give events that made no delivery for an endpoint, newest first, of the account's newest thousand."""
    rows = await fetch(session, "skipped_of_endpoint", ALL_BUCKETS, account, endpoint.hex, limit, EXAMINED)
    return [SkippedEvent(**row) for row in rows]
