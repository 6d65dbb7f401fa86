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
    """An endpoint and its health. ``statuses`` None means all; custom ``headers`` are sealed. Contains no secret."""

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
    """What people choose about an endpoint; custom ``headers`` are sealed, None for none."""

    url: str
    description: str
    version: str
    statuses: Collection[str] | None
    trigger: str
    ordering: str
    rate_limit_per_second: int | None
    headers: bytes | None

    def columns(self) -> tuple[object, ...]:
        """Return the values in the order of the statements."""
        statuses = None if self.statuses is None else list(self.statuses)
        first = (self.url, self.description, self.version, statuses, self.trigger, self.ordering)
        return *first, self.rate_limit_per_second, self.headers


class NamedEndpoint(msgspec.Struct, frozen=True):
    """The name of an endpoint."""

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


async def free_place(session: Session, account: UUID) -> int:
    """Return the place with the fewest of the account's endpoints; nobody else adds one in this transaction."""
    await execute(session, "lock_account", account)
    taken = Counter(group_of(row["id"])[1] for row in await fetch(session, "endpoint_ids", account))
    return min(range(PLACES), key=lambda place: taken[place])


async def add(
    session: Session, *, endpoint: UUID, account: UUID, fields: EndpointFields, secret: bytes, most: int
) -> bool:
    """Add an enabled endpoint after ``free_place``; ``secret`` is sealed. Return False if ``most`` exist already."""
    return await fetch_one(session, "add_endpoint", endpoint, account, *fields.columns(), secret, most) is not None


async def of_account(session: Session, account: UUID, *, before: UUID | None, limit: int) -> list[EndpointRow]:
    """Return endpoints that are not deleted, newest first, with ids below ``before``."""
    rows = await fetch(session, "endpoints", account, None, before, limit)
    return [EndpointRow(**row) for row in rows]


async def of_account_ever(session: Session, account: UUID) -> list[NamedEndpoint]:
    """Return the names of endpoints, newest first, including deleted ones: their deliveries are still history."""
    return [NamedEndpoint(**row) for row in await fetch(session, "named_endpoints", account, MOST_NAMED)]


async def find(session: Session, account: UUID, endpoint: UUID) -> EndpointRow | None:
    """Return one of the account's endpoints; None if it does not exist in the account or is deleted."""
    row = await fetch_one(session, "endpoints", account, endpoint, None, 1)
    return None if row is None else EndpointRow(**row)


async def lock(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Keep others from changing an endpoint until the transaction ends. Return False if there is none."""
    return await fetch_one(session, "lock_endpoint", account, endpoint) is not None


async def change(session: Session, account: UUID, endpoint: UUID, fields: EndpointFields) -> None:
    """Write what people chose about an endpoint."""
    await execute(session, "change_endpoint", account, endpoint, *fields.columns())


async def switch(session: Session, account: UUID, endpoint: UUID, reason: DisabledReason | None) -> None:
    """Disable an endpoint for a reason, or enable it with None; without effect if it is so already."""
    await execute(session, "switch_endpoint", account, endpoint, None if reason is None else reason.value)


async def delete(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Delete an endpoint. Return False if there is none. Its row stays, disabled."""
    return await fetch_one(session, "delete_endpoint", account, endpoint) is not None


async def secrets_of(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Return the secrets; None if there is no such endpoint. The previous one is there only while it still signs."""
    row = await fetch_one(session, "endpoint_secrets", account, endpoint)
    return None if row is None else SealedSecrets(**row)


async def rotate(
    session: Session, account: UUID, endpoint: UUID, *, secret: bytes, overlap_seconds: int
) -> SealedSecrets | None:
    """Change the secret (sealed); the current one also signs for some seconds. None if there is no endpoint."""
    overlap = timedelta(seconds=overlap_seconds)
    row = await fetch_one(session, "rotate_secret", account, endpoint, secret, overlap)
    return None if row is None else SealedSecrets(**row)


async def end_rotation(session: Session, account: UUID, endpoint: UUID) -> SealedSecrets | None:
    """Remove the previous secret; return None if there is no such endpoint."""
    row = await fetch_one(session, "end_rotation", account, endpoint)
    return None if row is None else SealedSecrets(**row)


async def waiting(session: Session, endpoint: UUID) -> int:
    """Return how many deliveries wait for an endpoint, up to ``MOST_COUNTED``."""
    row = await fetch_one(session, "waiting_of_endpoint", ALL_BUCKETS, endpoint, MOST_COUNTED)
    return 0 if row is None else int(row["waiting"])


async def skipped(session: Session, account: UUID, endpoint: UUID, *, limit: int) -> list[SkippedEvent]:
    """Return events that made no delivery for an endpoint, newest first, among the account's newest thousand."""
    rows = await fetch(session, "skipped_of_endpoint", ALL_BUCKETS, account, endpoint.hex, limit, EXAMINED)
    return [SkippedEvent(**row) for row in rows]
