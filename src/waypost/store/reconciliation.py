"""Counts violations of the guarantee that nothing is dropped, a bounded window at a time. All counts should be 0."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.ids import first_at, made_at
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch_one

EVENTS_A_WINDOW: Final = 5_000
WAITING_A_WINDOW: Final = 10_000
FIRST: Final = UUID(int=0)


class Findings(msgspec.Struct, frozen=True):
    """How many deliveries violate the guarantee, by kind, and among how many.

    ``missing``: an event made it, and it is nowhere. ``doubled``: settled, and still queued. ``headless``: behind an
    earlier one of its parcel that does not exist. ``forgotten``: under a lease that expired long ago. ``orphaned``: for
    an endpoint that is disabled or deleted.
    """

    events: int = 0
    waiting: int = 0
    missing: int = 0
    doubled: int = 0
    headless: int = 0
    forgotten: int = 0
    orphaned: int = 0

    @property
    def wrong(self) -> dict[str, int]:
        """How many there are of each kind of violation."""
        return {kind: getattr(self, kind) for kind in FAULTS}

    def __add__(self, other: "Findings") -> "Findings":
        """Return both added up."""
        mine, others = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Findings(*(one + another for one, another in zip(mine, others, strict=True)))


FAULTS: Final = ("missing", "doubled", "headless", "forgotten", "orphaned")
"""The kinds of violations."""


async def span(session: Session, history: timedelta) -> tuple[UUID, UUID]:
    """Return the bounds of the events that are kept and at rest, as ids."""
    row = await fetch_one(session, "reconciled_times", history)
    assert row is not None  # noqa: S101 - a select without FROM gives a row
    return first_at(row["since"]), first_at(row["until"])


async def count_events(session: Session, start: UUID, end: UUID) -> tuple[Findings, UUID]:
    """Check the next events from ``start`` on; return where to continue, ``end`` if all are checked."""
    row = await fetch_one(session, "window_of_events", ALL_BUCKETS, start, end, EVENTS_A_WINDOW)
    stop = end if row is None else UUID(int=(made_at(row["ends"]) + 1) << 80)
    days = [day_of(start) + timedelta(days=distance) for distance in range((day_of(stop) - day_of(start)).days + 1)]
    found = await fetch_one(session, "reconcile_events", ALL_BUCKETS, days, start, stop)
    assert found is not None  # noqa: S101 - an aggregate gives a row
    return Findings(**{name: int(count) for name, count in found.items()}), stop


async def count_waiting(session: Session, after: UUID) -> tuple[Findings, UUID | None]:
    """Check the next waiting deliveries after ``after``; return where to continue, None if none is left."""
    row = await fetch_one(session, "reconcile_waiting", ALL_BUCKETS, after, WAITING_A_WINDOW)
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return Findings(**{name: row[name] for name in ("waiting", "headless", "forgotten", "orphaned")}), row["last"]
