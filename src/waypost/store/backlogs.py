"""What waits for endpoints, read for pages and calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.ids import first_at, made_at
from waypost.domain.times import from_ms
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch

MOST_COUNTED: Final = 10_000


class WaitingDeliveries(msgspec.Struct, frozen=True):
    """What waits for an endpoint; counts end at ``MOST_COUNTED``.

    ``overdue`` arose before a given time. ``next_at`` is when the next delivery is due, and sent unless the endpoint is
    paused.
    """

    endpoint: UUID
    waiting: int = 0
    overdue: int = 0
    oldest_at: datetime | None = None
    next_at: datetime | None = None


async def of_endpoints(
    session: Session, endpoints: Sequence[UUID], *, before: datetime
) -> dict[UUID, WaitingDeliveries]:
    """Return what waits for each of these endpoints, and how much of it arose before a time."""
    rows = await fetch(session, "backlogs", ALL_BUCKETS, list(endpoints), MOST_COUNTED, first_at(before))
    return {
        row["endpoint"]: WaitingDeliveries(
            row["endpoint"],
            row["waiting"],
            row["overdue"],
            None if row["oldest"] is None else from_ms(made_at(row["oldest"])),
            row["next_at"],
        )
        for row in rows
    }
