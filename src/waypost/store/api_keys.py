"""API keys of one account, read; only the digest of a key is stored. ``api_key_changes`` writes them."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.statements import Session, fetch, fetch_one

MOST_LISTED: Final = 200
MOST_LIVE: Final = 50
"""The maximum number of valid keys per account."""


class KeyRow(msgspec.Struct, frozen=True):
    """The row of an API key: people know it by name and prefix. Times are None for never.

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


async def of_account(session: Session, account: UUID) -> list[KeyRow]:
    """Return the rows of the account's keys: those that were not revoked first, newest first."""
    return [KeyRow(**row) for row in await fetch(session, "api_keys", account, None, MOST_LISTED)]


async def working_of(session: Session, account: UUID, maker: str, now: datetime) -> list[KeyRow]:
    """Return the rows of the account's valid keys that a person made, newest first."""
    return [row for row in await of_account(session, account) if row.made_by == maker and row.works(now)]


async def find(session: Session, account: UUID, key: UUID) -> KeyRow | None:
    """Return the row of one of the account's keys; None if there is none."""
    row = await fetch_one(session, "api_keys", account, key, 1)
    return None if row is None else KeyRow(**row)
