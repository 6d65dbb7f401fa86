"""An account's events in the order of their ids, never stepping over one that commits late."""

from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.trackings import TrackingState
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one
from waypost.store.states import unpack

PAGE_BYTES: Final = 4 << 20


class EventRow(msgspec.Struct, frozen=True):
    """An event with the parcel's whole state after it, as it lies in the database."""

    id: UUID
    tracking: UUID
    tracking_number: str
    courier_code: str
    sequence: int
    status: str
    substatus: str
    previous_status: str
    source: str
    packed: bytes

    @property
    def state(self) -> TrackingState:
        """The state, unpacked at each look."""
        return unpack(self.packed)


async def events_after(session: Session, account: UUID, after: UUID, limit: int) -> list[EventRow]:
    """Return the next events behind an id, oldest first. Outside a transaction only: it takes two snapshots.

    They are fewer than ``limit`` where their packed states would have more than ``PAGE_BYTES``, but one at least. What
    is younger than the oldest transaction that may still write is left for the next call.
    """
    row = await fetch_one(session, "horizon")
    assert row is not None  # noqa: S101 - an aggregate gives a row
    before = ids.first_at(row["at"])
    days = day_of(after), day_of(before)
    rows = await fetch(session, "feed", ALL_BUCKETS, account, after, before, *days, limit, PAGE_BYTES)
    return [EventRow(**found) for found in rows]
