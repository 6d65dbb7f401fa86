"""An account's events in the order of their ids, without skipping one that commits late."""

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
    """An event with the parcel's whole state after it, as stored."""

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
        """The state, unpacked at each access."""
        return unpack(self.packed)


async def events_after(session: Session, account: UUID, after: UUID, limit: int) -> list[EventRow]:
    """Return the next events after an id, oldest first. Only outside a transaction: it takes two snapshots.

    There are fewer than ``limit``, but at least one, if their packed states would exceed ``PAGE_BYTES``. Events younger
    than the oldest transaction that may still write are left for the next call.
    """
    row = await fetch_one(session, "horizon")
    assert row is not None  # noqa: S101 - an aggregate gives a row
    before = ids.first_at(row["at"])
    days = day_of(after), day_of(before)
    rows = await fetch(session, "feed", ALL_BUCKETS, account, after, before, *days, limit, PAGE_BYTES)
    return [EventRow(**found) for found in rows]
