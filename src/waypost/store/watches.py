"""The parcels that are polled: which are due, through which connection, and when they are polled next."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.polling import SHORTEST_SILENCE
from waypost.domain.trackings import TrackingState
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one
from waypost.store.states import unpack


class DueWatch(msgspec.Struct, frozen=True):
    """The row of a parcel that is due to be polled; ``overdue`` if it has waited far beyond that."""

    tracking: UUID
    rank: int
    overdue: bool


class LeasedWatch(msgspec.Struct, frozen=True):
    """The row of a parcel that we may poll until ``leased_until``, which fences what we write about it.

    ``unchanged`` counts consecutive polls without news, ``unknowns`` consecutive answers that the number is unknown.
    ``tried`` is whether another connection was polled in vain.
    """

    tracking: UUID
    leased_until: datetime
    unchanged: int
    unknowns: int
    tried: bool
    status_since: datetime
    account: UUID
    state: TrackingState
    heard_at: datetime | None
    """When its service last pushed it, or registered it; None if it was polled since."""
    wanted: bool
    """Whether a person wants it polled, whatever its schedule says."""


class PollResult(msgspec.Struct, frozen=True):
    """The result of a poll as it is written to the parcel's row, and the wait until the next; None: no more.

    ``elsewhere`` releases the parcel for another connection. ``outcome`` is what its page says about the poll.
    """

    watch: LeasedWatch
    unchanged: int
    wait_seconds: float | None
    status_changed: bool
    rank: int
    outcome: str
    unknowns: int = 0
    elsewhere: bool = False


class Watch(msgspec.Struct, frozen=True):
    """The connection of a parcel, when it was and will be polled, and the result of the last poll."""

    connection: UUID | None
    last_polled_at: datetime | None
    next_poll_at: datetime | None
    outcome: str | None
    tried: tuple[UUID, ...]
    heard_at: datetime | None


class Postponed(msgspec.Struct, frozen=True):
    """A parcel that is left to its service's pushes for some more seconds; None: it is not polled any more."""

    watch: LeasedWatch
    wait_seconds: float | None
    rank: int


async def due_watches(session: Session, connection: UUID, *, each: int, overdue_seconds: float) -> list[DueWatch]:
    """Return the rows of parcels that are due at a connection: those of each lane (rank) that wait longest."""
    rows = await fetch(session, "due_watches", connection, each, timedelta(seconds=overdue_seconds))
    return [DueWatch(row["tracking"], row["rank"], row["overdue"]) for row in rows]


async def lease_watches(
    session: Session, connection: UUID, trackings: Sequence[UUID], *, seconds: float
) -> list[LeasedWatch]:
    """Lease the rows of those parcels that nobody else has leased meanwhile."""
    buckets = sorted({ids.bucket(tracking) for tracking in trackings})
    lasts = timedelta(seconds=seconds)
    rows = await fetch(session, "lease_watches", buckets, list(trackings), lasts, connection)
    return [
        LeasedWatch(
            row["tracking"],
            row["leased_until"],
            row["unchanged"],
            row["unknowns"],
            row["tried"],
            row["status_since"],
            row["account"],
            unpack(row["state"]),
            row["heard_at"],
            row["wanted"],
        )
        for row in rows
    ]


async def reschedule_watches(session: Session, asked: Sequence[PollResult]) -> None:
    """Write to their rows when parcels are polled next, and by which connection."""
    waits = [None if one.wait_seconds is None else timedelta(seconds=one.wait_seconds) for one in asked]
    columns = (
        [min(one.unchanged, 1000) for one in asked],
        waits,
        [one.status_changed for one in asked],
        [one.rank for one in asked],
        [min(one.unknowns, 1000) for one in asked],
        [one.elsewhere for one in asked],
        [one.outcome for one in asked],
    )
    await execute(session, "reschedule_watches", *_fenced([one.watch for one in asked]), *columns)


async def postpone_watches(session: Session, postponed: Sequence[Postponed]) -> None:
    """Write to their rows when parcels are polled that were not polled now."""
    waits = [None if one.wait_seconds is None else timedelta(seconds=one.wait_seconds) for one in postponed]
    fenced = _fenced([one.watch for one in postponed])
    await execute(session, "postpone_watches", *fenced, waits, [one.rank for one in postponed])


async def note_heard(session: Session, connections: Collection[UUID], trackings: Collection[UUID]) -> None:
    """Write that services have pushed parcels, to the rows of those that these connections answer for."""
    rows = sorted(set(trackings), key=lambda one: (ids.bucket(one), one))
    buckets = sorted({ids.bucket(one) for one in rows})
    soon = timedelta(seconds=SHORTEST_SILENCE)
    await execute(session, "note_heard", buckets, rows, sorted(set(connections)), soon)


async def correct_watch(session: Session, tracking: UUID, courier_code: str) -> None:
    """Write the courier code of a parcel that was corrected."""
    await execute(session, "correct_watch", [ids.bucket(tracking)], tracking, courier_code)


async def release_watches(session: Session, watches: Sequence[LeasedWatch]) -> None:
    """End the leases of parcels that were not polled."""
    await execute(session, "release_watches", *_fenced(watches))


async def watch_of(session: Session, tracking: UUID) -> Watch | None:
    """Return the row with a parcel's connection and polls; None if the parcel does not exist."""
    row = await fetch_one(session, "watch_of", ALL_BUCKETS, tracking)
    if row is None:
        return None
    tried = tuple(map(UUID, row["tried"] or ()))
    return Watch(row["connection"], row["last_polled_at"], row["next_poll_at"], row["outcome"], tried, row["heard_at"])


def _fenced(watches: Sequence[LeasedWatch]) -> tuple[list[int], list[int], list[UUID], list[datetime]]:
    buckets = [ids.bucket(watch.tracking) for watch in watches]
    ends = [watch.leased_until for watch in watches]
    return sorted(set(buckets)), buckets, [watch.tracking for watch in watches], ends
