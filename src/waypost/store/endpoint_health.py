"""How endpoints do, as the keeper reads it."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one

AT_ONCE: Final = 500


class HealthRow(msgspec.Struct, frozen=True):
    """An endpoint and how it does.

    ``accepted_in`` is the last hour, since that of ``failing_since``, in which an attempt succeeded, and ``failed``
    counts the attempts that failed after both.
    """

    id: UUID
    account: UUID
    url: str
    description: str
    statuses: list[str] | None
    enabled: bool
    disabled_reason: str | None
    deleted: bool
    off_since: datetime | None
    disable_after_days: int | None
    recover_automatically: bool
    failing_since: datetime | None
    last_error: str | None
    probe: UUID | None
    probed_at: datetime | None
    accepted_in: datetime | None
    failed: int


class ProbeResult(msgspec.Struct, frozen=True):
    """How a test ended: a ``Settled``, and the ``Outcome`` of its attempt if one was made."""

    state: str
    outcome: str | None


async def rejected(session: Session, tries: int) -> dict[UUID, int]:
    """Return the endpoints with a waiting delivery that has failed so often, and how often."""
    rows = await fetch(session, "rejected_deliveries", ALL_BUCKETS, tries)
    return {row["endpoint"]: row["tries"] for row in rows}


async def troubled(session: Session) -> set[UUID]:
    """Return the endpoints that fail, or that were disabled because of it."""
    return {row["id"] for row in await fetch(session, "troubled_endpoints")}


async def of_endpoints(session: Session, endpoints: Collection[UUID]) -> list[HealthRow]:
    """Return how some endpoints do, in the order of their ids, including disabled and deleted ones."""
    ordered, found = sorted(endpoints), []
    for start in range(0, len(ordered), AT_ONCE):
        rows = await fetch(session, "health_of_endpoints", ordered[start : start + AT_ONCE])
        found += sorted((HealthRow(**row) for row in rows), key=lambda row: row.id)
    return found


async def result_of(session: Session, endpoint: UUID, probe: UUID) -> ProbeResult | None:
    """Return how a test of an endpoint ended; None while it waits."""
    key = (ids.bucket(probe), day_of(probe), probe, endpoint)
    row = await fetch_one(session, "result_of_probe", ALL_BUCKETS, *key)
    return None if row is None else ProbeResult(**row)
