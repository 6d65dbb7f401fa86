"""What accounts may use, and what they do use."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from waypost.domain.quotas import Quota, Usage
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

ROW_BYTES: Final = 600
"""What an event takes besides its state: its row, its indexes, and its deliveries' rows."""

SAMPLED_PAGES: Final = 2_000


async def find(session: Session, account: UUID) -> tuple[Quota, Usage]:
    """Return what is set for an account itself, and what it uses."""
    row = await fetch_one(session, "quota_and_usage", account)
    assert row is not None  # noqa: S101 - a row is selected whatever is joined to it
    quota = Quota(row["parcels"], row["updates_per_day"], row["disk_bytes"])
    return quota, Usage(row["used_parcels"], row["used_updates"], row["used_disk_bytes"])


async def set_quota(session: Session, account: UUID, quota: Quota) -> None:
    """Set what an account may use; None gives it the installation's quota."""
    await execute(session, "set_quota", account, quota.parcels, quota.updates_per_day, quota.disk_bytes)


async def count_updates(session: Session, account: UUID, updates: int) -> None:
    """Add to an account's updates of this day."""
    await execute(session, "count_updates", account, updates)


async def measure(session: Session, *, everybody: bool) -> int:
    """Measure accounts with quotas, or all, and return how many: parcels exactly, bytes by a sample."""
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
