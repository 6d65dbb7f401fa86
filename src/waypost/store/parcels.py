"""One parcel's events as people look at them, and where each was delivered or why not."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.ids import LAST
from waypost.domain.times import from_ms
from waypost.store.intake_rows import day_of
from waypost.store.statements import Session, fetch


class ParcelEvent(msgspec.Struct, frozen=True):
    """The row of an event of a parcel; ``skipped`` says, by an endpoint's id as hex, why it got nothing."""

    id: UUID
    sequence: int
    status: str
    substatus: str
    previous_status: str
    source: str
    skipped: dict[str, str]

    @property
    def at(self) -> datetime:
        """When it happened."""
        return from_ms(ids.made_at(self.id))


class ParcelDelivery(msgspec.Struct, frozen=True):
    """A delivery of one of the events; ``state`` None: not settled."""

    id: UUID
    endpoint: UUID
    event: UUID
    tries: int
    blocked: bool
    state: str | None
    reason: str | None


async def events(
    session: Session, account: UUID, tracking: UUID, *, before: UUID = LAST, limit: int
) -> list[ParcelEvent]:
    """Return the newest events of a tracking, with ids below ``before``."""
    rows = await fetch(session, "parcel_events", [ids.bucket(tracking)], tracking, account, before, limit)
    return [
        ParcelEvent(**{**row, "skipped": msgspec.json.decode(row["skipped"]) if row["skipped"] else {}}) for row in rows
    ]


async def deliveries(session: Session, tracking: UUID, shown: Sequence[ParcelEvent]) -> list[ParcelDelivery]:
    """Return the rows of the deliveries of some events of a tracking, oldest first, each once."""
    if not shown:
        return []
    oldest = UUID(int=min(event.id for event in shown).int >> 80 << 80)
    wanted = (tracking, [event.id for event in shown], day_of(oldest), day_of(LAST), oldest)
    rows = await fetch(session, "parcel_deliveries", [ids.bucket(tracking)], *wanted)
    # One that settles during this read may appear twice: the settled one counts.
    found = {row["id"]: ParcelDelivery(**row) for row in sorted(rows, key=lambda row: row["state"] is not None)}
    return sorted(found.values(), key=lambda one: one.id)
