"""The deletion of an account with everything that belongs to it, by the operator."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.domain import ids
from waypost.store import account_changes
from waypost.store import account_deletion_changes as rows
from waypost.store.accounts import AccountContents, account_contents
from waypost.store.statements import Session, transaction

_LOG: Final = structlog.get_logger()
SETTLING_SECONDS: Final = 6.0
"""How long servers may still act for an account whose keys, connections and endpoints are gone: their caches."""

Seen = Callable[[int], None]
"""Is called with the number of deleted rows, again and again."""


async def contents(context: DatabaseContext, actor: Actor) -> AccountContents:
    """Return what would be deleted with the account."""
    async with context.database.serving.acquire() as session:
        return await account_contents(session, actor.account)


async def delete(
    context: DatabaseContext, actor: Actor, seen: Seen, *, settling_seconds: float = SETTLING_SECONDS
) -> AccountContents:
    """Delete the account with all its rows, and return what it had. Nothing can be restored.

    Nobody can act for the account after the first transaction. The rest is deleted in slices, so that other accounts do
    not wait, and can be repeated if it is interrupted. Servers may register parcels for some seconds more, which is why
    the rows are gone through twice.
    """
    async with context.database.serving.acquire() as session:
        async with transaction(session):
            await account_changes.lock_account(session, actor.account)
            found = await account_contents(session, actor.account)
            await rows.close(session, actor.account)
        deleted = await _empty(session, actor, seen, 0)
    await asyncio.sleep(settling_seconds)
    async with context.database.serving.acquire() as session:
        deleted = await _empty(session, actor, seen, deleted)
        await rows.delete_account(session, actor.account)
    account = ids.to_text(ids.ACCOUNT, actor.account)
    _LOG.warning("account_deleted", account=account, actor=actor.name, parcels=found.parcels, rows=deleted)
    return found


async def _empty(session: Session, actor: Actor, seen: Seen, deleted: int) -> int:
    """Delete the account's parcels, events, deliveries and calls; return how many rows there were, and ``deleted``."""

    async def all_of(some: Callable[[Session, UUID], Awaitable[int]], owner: UUID) -> None:
        nonlocal deleted
        while count := await some(session, owner):
            deleted += count
            seen(deleted)

    await all_of(rows.delete_some_parcels, actor.account)
    for endpoint in await rows.all_endpoint_ids(session, actor.account):
        await rows.delete_waiting(session, endpoint)
        await all_of(rows.delete_some_history, endpoint)
    for connection in await rows.connection_ids(session, actor.account):
        await all_of(rows.delete_some_calls, connection)
    await all_of(rows.delete_some_events, actor.account)
    await all_of(rows.delete_some_traces, actor.account)
    return deleted
