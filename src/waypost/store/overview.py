"""The counts of an account's overview."""

from datetime import datetime
from typing import Final
from uuid import UUID

from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.domain.times import from_ms
from waypost.store.statements import Session, fetch, fetch_one

MOST_COUNTED: Final = 10_000
"""A status is counted no further: a page only says that there are more."""

MOST_EVENTS: Final = 1_000
"""The newest report is searched among this many events."""


async def count_by_status(session: Session, account: UUID) -> dict[Status, int]:
    """Return how many unarchived trackings have each status; one more than ``MOST_COUNTED`` means more."""
    rows = await fetch(session, "count_by_status", account, list(Status), MOST_COUNTED + 1)
    counts = {row["status"]: row["count"] for row in rows}
    return {status: counts[status] for status in Status}


async def last_key_use(session: Session, account: UUID) -> datetime | None:
    """Return when a key that may report updates was last used; None for never."""
    row = await fetch_one(session, "last_key_use", account)
    return None if row is None else row["at"]


async def last_reported(session: Session, account: UUID) -> datetime | None:
    """Return when an update by API last changed a parcel; None if none of the newest ``MOST_EVENTS`` events is one."""
    row = await fetch_one(session, "last_reported", account, MOST_EVENTS)
    return None if row is None else from_ms(ids.made_at(row["id"]))
