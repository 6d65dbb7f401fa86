"""Rows of quotas and of usage, written: each function runs the statement of its name."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from waypost.domain.quotas import Quota
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

ROW_BYTES: Final = 600
"""What an event takes besides its state: its row, its indexes, and its deliveries' rows."""

SAMPLED_PAGES: Final = 2_000


async def update_quota(session: Session, account: UUID, quota: Quota) -> None:
    """Write the row of an account's own quota; a None in it stands for the installation's."""
    await execute(session, "update_quota", account, quota.parcels, quota.updates_per_day, quota.disk_bytes)


async def count_updates(session: Session, account: UUID, updates: int) -> None:
    """Add to the updates of this day in the row of an account's usage."""
    await execute(session, "count_updates", account, updates)


async def measure_usage(session: Session, *, everybody: bool) -> int:
    """Measure the usage of accounts with quotas, or of all, write it, and return for how many accounts.

    Parcels are counted exactly, bytes by a sample.
    """
    accounts = [row["id"] for row in await fetch(session, "accounts_with_quota", everybody)]
    if not accounts:
        return 0
    sampled: Mapping[UUID, int] = {
        row["account"]: row["bytes"] for row in await fetch(session, "measure_disk", ROW_BYTES, SAMPLED_PAGES)
    }
    parcels = []
    for account in accounts:
        row = await fetch_one(session, "count_parcels", ALL_BUCKETS, account)
        parcels.append(0 if row is None else row["parcels"])
    await execute(session, "note_usage", accounts, parcels, [sampled.get(account, 0) for account in accounts])
    return len(accounts)
