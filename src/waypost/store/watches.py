"""The parcels that are asked for: which are due, who asks, and when they are asked again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch
from waypost.store.states import unpack


class DueWatch(msgspec.Struct, frozen=True):
    """A parcel that is due to be asked for."""

    tracking: UUID
    status: Status
    substatus: str


class LeasedWatch(msgspec.Struct, frozen=True):
    """A parcel that we may ask for until ``leased_until``, which fences what we write about it."""

    tracking: UUID
    leased_until: datetime
    unchanged: int
    status_since: datetime
    account: UUID
    state: TrackingState


class Asked(msgspec.Struct, frozen=True):
    """What became of an ask: how many in a row brought nothing, and the wait until the next; None: no more."""

    watch: LeasedWatch
    unchanged: int
    wait_seconds: float | None
    status_changed: bool


async def due(session: Session, courier_codes: Sequence[str], *, each: int) -> list[DueWatch]:
    """Give parcels that are due, of each courier code those that wait the longest."""
    rows = await fetch(session, "due_watches", ALL_BUCKETS, list(courier_codes), each)
    return [DueWatch(row["tracking"], Status(row["status"]), row["substatus"]) for row in rows]


async def lease(session: Session, trackings: Sequence[UUID], *, seconds: float) -> list[LeasedWatch]:
    """Take those of the parcels that nobody else has taken meanwhile."""
    buckets = sorted({ids.bucket(tracking) for tracking in trackings})
    rows = await fetch(session, "lease_watches", buckets, list(trackings), timedelta(seconds=seconds))
    return [
        LeasedWatch(
            row["tracking"],
            row["leased_until"],
            row["unchanged"],
            row["status_since"],
            row["account"],
            unpack(row["state"]),
        )
        for row in rows
    ]


async def reschedule(session: Session, asked: Sequence[Asked]) -> None:
    """Write when parcels are asked again."""
    watches = [one.watch for one in asked]
    waits = [None if one.wait_seconds is None else timedelta(seconds=one.wait_seconds) for one in asked]
    unchanged = [min(one.unchanged, 1000) for one in asked]
    changed = [one.status_changed for one in asked]
    await execute(session, "reschedule_watches", *_fenced(watches), unchanged, waits, changed)


async def release(session: Session, watches: Sequence[LeasedWatch]) -> None:
    """Give back parcels that were not asked for."""
    await execute(session, "release_watches", *_fenced(watches))


def _fenced(watches: Sequence[LeasedWatch]) -> tuple[list[int], list[int], list[UUID], list[datetime]]:
    buckets = [ids.bucket(watch.tracking) for watch in watches]
    ends = [watch.leased_until for watch in watches]
    return sorted(set(buckets)), buckets, [watch.tracking for watch in watches], ends
