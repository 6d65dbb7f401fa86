"""Rows that have grown old: deliveries whose event is about to go, parcels without news, disabled lanes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.deliveries import Reason
from waypost.domain.times import from_ms
from waypost.domain.trackings import TrackingState
from waypost.store.queue import ALL_BUCKETS, unblock
from waypost.store.statements import Session, execute, fetch, transaction
from waypost.store.states import unpack
from waypost.turns import Turn

A_TIME: Final = 500


class Expiring(msgspec.Struct, frozen=True):
    """The row of a parcel whose time to expire may have come."""

    tracking: UUID
    account: UUID
    state: TrackingState


async def settle_older(session: Session, oldest: date) -> int:
    """Settle as failed (expired) what still waits of days before ``oldest``, some at a time; return how many."""
    bound = ids.first_at(datetime.fromisoformat(f"{oldest}T00:00:00+00:00"))
    async with transaction(session):
        rows = await fetch(session, "overdue_deliveries", ALL_BUCKETS, bound, A_TIME)
        if not rows:
            return 0
        buckets = sorted({row["bucket"] for row in rows})
        trackings = sorted({row["tracking"] for row in rows})
        await fetch(session, "lock_trackings", buckets, [ids.bucket(one) for one in trackings], trackings)
        gone = await fetch(session, "expire_deliveries", buckets, [row["id"] for row in rows], Reason.EXPIRED.value)
        await unblock(session, {(row["bucket"], row["tracking"], row["endpoint"]) for row in gone})
        return len(gone)


async def expiring(session: Session) -> list[Expiring]:
    """Return parcels whose time to expire may have come; their state shows whether it has."""
    turn, found = Turn(), []
    for row in await fetch(session, "due_expiries", ALL_BUCKETS, A_TIME):
        await turn.pause()
        found.append(Expiring(row["tracking"], row["account"], unpack(row["state"])))
    return found


async def look_again(session: Session, times: Sequence[tuple[UUID, int]]) -> None:
    """Set when parcels may expire next: (tracking, Unix milliseconds)."""
    buckets = [ids.bucket(tracking) for tracking, _ in times]
    columns = (buckets, [tracking for tracking, _ in times], [from_ms(at) for _, at in times])
    await execute(session, "move_expiries", sorted(set(buckets)), *columns)


async def lanes_left_behind(session: Session) -> list[UUID]:
    """Return disabled endpoints that have something waiting."""
    return [row["id"] for row in await fetch(session, "lanes_left_behind", ALL_BUCKETS)]
