"""Rows of API keys, written: each function runs the statement of its name."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

import msgspec

from waypost.domain.quotas import Quota, Usage
from waypost.store import quotas
from waypost.store.accounts import KeyOwner
from waypost.store.api_keys import MOST_LIVE
from waypost.store.statements import Session, execute, fetch_one, transaction


async def insert_api_key(
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
    """Insert the row of a key that expires after some days, or never.

    Return False if the account has ``MOST_LIVE`` valid ones.
    """
    until = None if days is None else timedelta(days=days)
    async with transaction(session):
        await execute(session, "lock_account", account)
        columns = (key, account, name, prefix, digest, sorted(scopes), until, MOST_LIVE, made_by)
        row = await fetch_one(session, "insert_api_key", *columns)
    return row is not None


async def mark_revoked(session: Session, account: UUID, key: UUID) -> bool:
    """Set ``revoked_at`` in the row of a key. Return False if it is not the account's or was revoked already."""
    return await fetch_one(session, "mark_revoked", account, key) is not None


class UsedKey(msgspec.Struct, frozen=True):
    """Whom a key acts for, and the account's own quota and its usage, as the rows have them."""

    owner: KeyOwner
    quota: Quota
    usage: Usage


async def use_key(session: Session, digest: bytes) -> UsedKey | None:
    """Return the owner of the key with this digest; None if it is unknown, revoked or expired.

    Set ``last_used_at`` in the row of the key to now, once a minute at most.
    """
    row = await fetch_one(session, "use_key", digest)
    if row is None:
        return None
    return UsedKey(KeyOwner(row["account"], row["email"], frozenset(row["scopes"]), row["key"]), *quotas.of_row(row))
