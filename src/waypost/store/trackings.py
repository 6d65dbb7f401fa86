"""Trackings as the API lists them."""

from collections.abc import Sequence
from uuid import UUID

from waypost.domain.ids import bucket_of
from waypost.domain.trackings import TrackingState
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch
from waypost.store.states import unpack


async def of_numbers(
    session: Session, account: UUID, numbers: Sequence[str], courier: str | None, *, limit: int, skipped: int
) -> list[TrackingState]:
    """Give the account's trackings of these numbers, of one courier or (None) of any, newest first."""
    buckets = sorted({bucket_of(account, number) for number in numbers})
    rows = await fetch(session, "trackings_of_numbers", buckets, account, list(numbers), courier, limit, skipped)
    return [unpack(row["state"]) for row in rows]


async def newest(session: Session, account: UUID, *, limit: int, skipped: int) -> list[TrackingState]:
    """Give the account's trackings, newest first; pages far back cost as much as what they skip."""
    rows = await fetch(session, "newest_trackings", ALL_BUCKETS, account, limit, skipped)
    return [unpack(row["state"]) for row in rows]
