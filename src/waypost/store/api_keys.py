"""API keys as their account manages them. The text of a key is never stored, only its digest."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.statements import Session, execute, fetch, fetch_one, transaction

MOST_LISTED: Final = 200
MOST_LIVE: Final = 50
"""The maximum number of valid keys per account."""


class KeyRow(msgspec.Struct, frozen=True):
    """A key as people know it: by name and prefix. Times are None for never.

    ``made_by`` is a user's e-mail address, or the audit log's name of the command line; None if unknown.
    """

    id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    made_by: str | None

    def works(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


async def add(
    session: Session,
    *,
    key: UUID,
    account: UUID,
    name: str,
    prefix: str,
    digest: bytes,
    scopes: Collection[str],
    days: int | None,
    made_by: str,
) -> bool:
    """Add a key that expires after some days, or never. Return False if the account has ``MOST_LIVE`` valid ones."""
    until = None if days is None else timedelta(days=days)
    async with transaction(session):
        await execute(session, "lock_account", account)
        columns = (key, account, name, prefix, digest, sorted(scopes), until, MOST_LIVE, made_by)
        row = await fetch_one(session, "add_api_key", *columns)
    return row is not None


async def of_account(session: Session, account: UUID) -> list[KeyRow]:
    """Return the account's keys: those that were not revoked first, newest first."""
    return [KeyRow(**row) for row in await fetch(session, "api_keys", account, None, MOST_LISTED)]


async def working_of(session: Session, account: UUID, maker: str, now: datetime) -> list[KeyRow]:
    """Return the account's valid keys that a person made, newest first."""
    return [row for row in await of_account(session, account) if row.made_by == maker and row.works(now)]


async def find(session: Session, account: UUID, key: UUID) -> KeyRow | None:
    """Return one of the account's keys."""
    row = await fetch_one(session, "api_keys", account, key, 1)
    return None if row is None else KeyRow(**row)


async def revoke(session: Session, account: UUID, key: UUID) -> bool:
    """Revoke a key. Return False if it is not the account's or was revoked already."""
    return await fetch_one(session, "revoke_api_key", account, key) is not None


async def note_use(session: Session, key: UUID) -> None:
    """Record that a key is used now; written once a minute at most."""
    await execute(session, "note_key_use", key)
