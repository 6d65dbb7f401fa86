"""Rows of API keys, written: each function runs the statement of its name."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

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


async def mark_used(session: Session, key: UUID) -> None:
    """Set ``last_used_at`` in the row of a key to now; written once a minute at most."""
    await execute(session, "mark_used", key)
