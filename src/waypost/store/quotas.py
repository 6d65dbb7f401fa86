"""The quotas and the measured usage of accounts, read. ``quota_changes`` writes them."""

from uuid import UUID

from asyncpg import Record

from waypost.domain.quotas import Quota, Usage
from waypost.store.statements import Session, fetch_one


async def find(session: Session, account: UUID) -> tuple[Quota, Usage]:
    """Return an account's own quota and its usage, as the rows have them."""
    row = await fetch_one(session, "quota_and_usage", account)
    assert row is not None  # noqa: S101 - a row is selected whatever is joined to it
    return of_row(row)


def of_row(row: Record) -> tuple[Quota, Usage]:
    """Return the quota and usage in a row."""
    quota = Quota(row["parcels"], row["updates_per_day"], row["disk_bytes"])
    return quota, Usage(row["used_parcels"], row["used_updates"], row["used_disk_bytes"])
