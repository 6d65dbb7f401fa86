"""Measures of the queue, cheap enough for every scrape of the metrics."""

from typing import Final

import msgspec

from waypost.store.queue import ALL_BUCKETS, scout
from waypost.store.statements import Session, fetch_one

MOST_COUNTED: Final = 100_000


class Backlog(msgspec.Struct, frozen=True):
    """Deliveries that are due and not being sent: how many (counted up to 100,000), and the oldest one's wait."""

    due: int
    oldest_seconds: float


async def measure_backlog(session: Session) -> Backlog:
    """Return what is due but still waiting. A delivery behind an earlier one of its parcel is not due."""
    row = await fetch_one(session, "count_due", ALL_BUCKETS, MOST_COUNTED)
    due_in = (await scout(session)).values()
    return Backlog(row["count"] if row else 0, max(0.0, -min(due_in, default=0.0)))
