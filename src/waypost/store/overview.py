"""What an account's overview counts."""

from datetime import datetime
from typing import Final
from uuid import UUID

from waypost.domain.statuses import Status
from waypost.store.statements import Session, fetch, fetch_one

MOST_COUNTED: Final = 10_000
"""A status is counted no further: a page tells no more than that there are more."""


async def count_by_status(session: Session, account: UUID) -> dict[Status, int]:
    """Give how many trackings, archived ones aside, have each status; one more than ``MOST_COUNTED`` means more."""
    rows = await fetch(session, "count_by_status", account, list(Status), MOST_COUNTED + 1)
    counts = {row["status"]: row["count"] for row in rows}
    return {status: counts[status] for status in Status}


async def last_key_use(session: Session, account: UUID) -> datetime | None:
    """Give when a key that may report updates was used last; None for never."""
    row = await fetch_one(session, "last_key_use", account)
    return None if row is None else row["at"]
