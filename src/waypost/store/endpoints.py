"""Endpoints as the API manages them, always of one account."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import msgspec

from waypost.domain.endpoints import DisabledReason
from waypost.store.statements import Session, execute, fetch, fetch_one, transaction


class EndpointRow(msgspec.Struct, frozen=True):
    """An endpoint and how it does. ``statuses`` None means all. The secret is not in it."""

    id: UUID
    account: UUID
    url: str
    description: str
    version: str
    statuses: list[str] | None
    trigger: str
    ordering: str
    enabled: bool
    disabled_reason: str | None
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None
    last_error: str | None
    last_success_at: datetime | None


class EndpointFields(msgspec.Struct, frozen=True):
    """What people choose about an endpoint."""

    url: str
    description: str
    version: str
    statuses: Collection[str] | None


async def add(
    session: Session, *, endpoint: UUID, account: UUID, fields: EndpointFields, secret: bytes, most: int
) -> bool:
    """Add an endpoint, on; False when the account has ``most`` already. ``secret`` is sealed."""
    statuses = None if fields.statuses is None else list(fields.statuses)
    async with transaction(session):
        await execute(session, "lock_account", account)
        chosen = (fields.url, fields.description, fields.version, statuses)
        return await fetch_one(session, "add_endpoint", endpoint, account, *chosen, secret, most) is not None


async def of_account(session: Session, account: UUID, *, before: UUID | None, limit: int) -> list[EndpointRow]:
    """Give endpoints that are not deleted, newest first, of ids smaller than ``before``."""
    rows = await fetch(session, "endpoints", account, None, before, limit)
    return [EndpointRow(**row) for row in rows]


async def find(session: Session, account: UUID, endpoint: UUID) -> EndpointRow | None:
    """Give one of the account's endpoints; None when it is another's, deleted, or not there."""
    row = await fetch_one(session, "endpoints", account, endpoint, None, 1)
    return None if row is None else EndpointRow(**row)


async def lock(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Keep others from changing an endpoint until the transaction ends; False when there is none."""
    return await fetch_one(session, "lock_endpoint", account, endpoint) is not None


async def change(session: Session, account: UUID, endpoint: UUID, fields: EndpointFields) -> None:
    """Write what people chose about an endpoint."""
    statuses = None if fields.statuses is None else list(fields.statuses)
    chosen = (fields.url, fields.description, fields.version, statuses)
    await execute(session, "change_endpoint", account, endpoint, *chosen)


async def switch(session: Session, account: UUID, endpoint: UUID, reason: DisabledReason | None) -> None:
    """Turn an endpoint off for a reason, or on for none; nothing happens when it is so already."""
    await execute(session, "switch_endpoint", account, endpoint, None if reason is None else reason.value)


async def delete(session: Session, account: UUID, endpoint: UUID) -> bool:
    """Delete an endpoint; False when there is none. Its row stays, off."""
    return await fetch_one(session, "delete_endpoint", account, endpoint) is not None


async def secret_of(session: Session, account: UUID, endpoint: UUID) -> bytes | None:
    """Give the sealed secret; None when there is no such endpoint."""
    row = await fetch_one(session, "endpoint_secret", account, endpoint)
    return None if row is None else bytes(row["secret"])
