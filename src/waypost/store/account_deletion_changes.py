"""Rows of an account, deleted with the account: ``close`` first, then the slices, then ``delete_account``.

Each function of a slice deletes some rows in a transaction of its own and returns how many; 0 if none are left.
"""

from typing import Final
from uuid import UUID

from asyncpg import Record

from waypost.store.audit_entries import allow_audit_deletion
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one, transaction

A_TIME: Final = 500
PARCELS_A_TIME: Final = 50


async def close(session: Session, account: UUID) -> None:
    """Delete the rows that let anybody act for the account, disable its connections and delete its endpoints.

    In the caller's transaction, under the account's row lock.
    """
    await execute(session, "delete_key_uses", account)
    await execute(session, "delete_keys", account)
    await execute(session, "delete_users", account)
    await execute(session, "delete_channels", account)
    await execute(session, "close_connections", account)
    await execute(session, "unshare_connections", account)
    await execute(session, "close_endpoints", account)


async def all_endpoint_ids(session: Session, account: UUID) -> list[UUID]:
    """Return the ids of the account's endpoints, including deleted ones."""
    return [row["id"] for row in await fetch(session, "all_endpoint_ids", account)]


async def connection_ids(session: Session, account: UUID) -> list[UUID]:
    """Return the ids of the account's connections."""
    return [row["id"] for row in await fetch(session, "connection_ids", account)]


async def delete_some_parcels(session: Session, account: UUID) -> int:
    """Delete some parcels with what waits for them.

    The dispatcher that has one of these deliveries in flight finds nothing to settle afterwards.
    """
    async with transaction(session):
        rows = await fetch(session, "some_trackings", ALL_BUCKETS, account, PARCELS_A_TIME)
        if not rows:
            return 0
        keys = sorted((row["bucket"], row["id"]) for row in rows)
        buckets, trackings = sorted({bucket for bucket, _ in keys}), [tracking for _, tracking in keys]
        await fetch(session, "lock_trackings", buckets, [bucket for bucket, _ in keys], trackings)
        await execute(session, "delete_due_of_trackings", buckets, trackings)
        await execute(session, "delete_shared_registrations", trackings)
        await execute(session, "delete_watches", buckets, trackings)
        await execute(session, "delete_trackings", buckets, trackings)
        return len(rows)


async def delete_waiting(session: Session, endpoint: UUID) -> None:
    """Delete what waits for an endpoint without a parcel, such as tests."""
    await execute(session, "delete_due_of_endpoint", ALL_BUCKETS, endpoint)


async def delete_some_history(session: Session, endpoint: UUID) -> int:
    """Delete some settled deliveries of an endpoint, with their attempts."""
    return _count(await fetch_one(session, "delete_some_settled", endpoint, ALL_BUCKETS, A_TIME))


async def delete_some_events(session: Session, account: UUID) -> int:
    """Delete some events of the account."""
    return _count(await fetch_one(session, "delete_some_events", account, ALL_BUCKETS, A_TIME))


async def delete_some_calls(session: Session, connection: UUID) -> int:
    """Delete some calls to a connection's address."""
    return _count(await fetch_one(session, "delete_some_calls", connection, A_TIME))


async def delete_some_traces(session: Session, account: UUID) -> int:
    """Delete some stored pushes, idempotency keys, and traces of deleted parcels."""
    pushes = _count(await fetch_one(session, "delete_some_pushes", account, A_TIME))
    keys = _count(await fetch_one(session, "delete_some_keys_of_calls", account, A_TIME))
    return pushes + keys + _count(await fetch_one(session, "delete_some_deleted_trackings", account, A_TIME))


async def delete_account(session: Session, account: UUID) -> None:
    """Delete the account's row and the few rows beside it: settings, statistics, the audit log. All or nothing."""
    async with transaction(session):
        endpoints = await all_endpoint_ids(session, account)
        await execute(session, "delete_endpoint_hours", endpoints)
        await execute(session, "delete_endpoint_health", endpoints)
        await execute(session, "delete_recoveries", account)
        await execute(session, "delete_endpoints", account)
        await execute(session, "delete_call_windows", account)
        await execute(session, "delete_account_usage", account)
        await execute(session, "delete_account_quota", account)
        await allow_audit_deletion(session)
        await execute(session, "delete_audit_log", account)
        await execute(session, "delete_account", account)


def _count(row: Record | None) -> int:
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return int(row["count"])
