"""What intake writes: trackings, events and deliveries, inside the caller's transaction.

The order of calls is the protocol of locks: ``lock``, then ``now``, then ``standing``, then the inserts.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.domain.customer_names import searchable
from waypost.domain.deliveries import Reason
from waypost.domain.endpoints import Ordering, SubscribedEndpoint, Trigger
from waypost.domain.statuses import Status
from waypost.domain.times import from_ms
from waypost.domain.trackings import DAY_MS, TrackingState
from waypost.store.array_parameters import joined
from waypost.store.registration_changes import register_again
from waypost.store.rows import NOTHING_ELSE, ChangedTracking, FoundBy, LockedRow, NewDelivery, NewEvent
from waypost.store.statements import Copied, Session, copy, execute, fetch, fetch_one

EVENTS: Final = Copied(
    "event",
    (
        *("bucket", "day", "id", "account", "tracking", "tracking_number", "courier_code", "sequence", "status"),
        *("substatus", "previous_status", "source", "deliveries", "skipped", "state"),
    ),
)
DELIVERIES: Final = Copied("due", NewDelivery.__struct_fields__)

TrackingKey = tuple[int, UUID, str, str]
"""Bucket, account, tracking number, courier code."""


def day_of(identifier: UUID) -> date:
    """Return the UTC day of an id's time: the partition of its row."""
    return _day(ids.made_at(identifier) // DAY_MS)


@lru_cache(maxsize=128)
def _day(since_1970: int) -> date:
    return from_ms(since_1970 * DAY_MS).date()


async def find(session: Session, keys: Sequence[TrackingKey]) -> dict[TrackingKey, UUID]:
    """Return the trackings that exist, by what they are found by."""
    if not keys:
        return {}
    columns = (list(column) for column in zip(*keys, strict=True))
    rows = await fetch(session, "find_trackings", *columns)
    return {keys[row["position"] - 1]: row["id"] for row in rows}


class RegisteredTracking(msgspec.Struct, frozen=True, gc=False):
    """The row of a tracking about to be registered, with its state by then; ``created_at`` in Unix milliseconds."""

    key: TrackingKey
    created_at: int
    row: ChangedTracking


def by_key(new: RegisteredTracking) -> TrackingKey:
    """Return what all sort new trackings by: those that insert the same ones wait for each other in one order."""
    return new.key


async def register(session: Session, new: Iterable[RegisteredTracking], polled: Iterable[str]) -> set[UUID]:
    """Insert new trackings, watched from now on, and return the ids of those that really were new.

    Parcels of the courier codes ``polled`` are polled at once.
    """
    ordered = sorted(new, key=by_key)
    rows = [
        (
            *(*one.key, one.row.id, one.row.status, one.row.substatus, one.row.sequence, one.row.last_event),
            *(one.created_at, one.row.updated_at, *one.row.found_by),
        )
        for one in ordered
    ]
    columns = (list(column) for column in zip(*rows, strict=True))
    states = joined([one.row.packed for one in ordered])
    return {row["id"] for row in await fetch(session, "register_trackings", *columns, *states, sorted(polled))}


async def lock(session: Session, trackings: Sequence[UUID]) -> list[LockedRow]:
    """Lock the trackings, in the common order, and return their rows."""
    buckets = [ids.bucket(tracking) for tracking in trackings]
    rows = await fetch(session, "lock_trackings", sorted(set(buckets)), buckets, list(trackings))
    return [
        LockedRow(row["bucket"], row["id"], row["account"], row["sequence"], row["last_event"], row["state"])
        for row in rows
    ]


async def now(session: Session) -> int:
    """Return the database's time in Unix milliseconds; inside a transaction only after its locks are taken."""
    row = await fetch_one(session, "clock")
    assert row is not None  # noqa: S101 - a select without FROM gives a row
    return int(row["now"].timestamp() * 1000)


def subscribed(row: Record) -> SubscribedEndpoint:
    """Return the endpoint of a row, as events are matched with it."""
    statuses = row["statuses"]
    return SubscribedEndpoint(
        id=row["id"],
        account=row["account"],
        statuses=None if statuses is None else frozenset(map(Status, statuses)),
        trigger=Trigger(row["trigger"]),
        ordering=Ordering(row["ordering"]),
        enabled=row["enabled"],
    )


class QueuedDelivery(msgspec.Struct, frozen=True, gc=False):
    """The row of a delivery that is already queued when intake adds others."""

    bucket: int
    tracking: UUID
    endpoint: UUID
    id: UUID
    sequence: int


async def queued_deliveries(session: Session, queues: Sequence[tuple[int, UUID, UUID, str]]) -> list[QueuedDelivery]:
    """Lock what is ahead of new deliveries: the last of an ``ordered`` queue, all of a ``latest`` one."""
    if all(ordering == Ordering.UNORDERED for *_, ordering in queues):
        return []
    buckets, trackings, endpoints, orderings = (list(column) for column in zip(*queues, strict=True))
    rows = await fetch(session, "queues", buckets, trackings, endpoints, orderings)
    return [QueuedDelivery(**row) for row in rows]


async def supersede(session: Session, deliveries: Sequence[UUID]) -> set[UUID]:
    """Settle as superseded what is queued under ``latest`` and not in flight; return those that were."""
    buckets = sorted({ids.bucket(delivery) for delivery in deliveries})
    rows = await fetch(session, "supersede", buckets, list(deliveries), Reason.NEWER_EVENT.value)
    return {row["id"] for row in rows}


async def write_superseded(session: Session, deliveries: Sequence[NewDelivery]) -> None:
    """Write deliveries that a newer event superseded before they were queued."""
    if deliveries:
        columns = [
            (one.bucket, one.id, one.endpoint, one.tracking, one.event, one.sequence, one.recovery)
            for one in deliveries
        ]
        reason = Reason.NEWER_EVENT.value
        await execute(session, "add_superseded", reason, *(list(column) for column in zip(*columns, strict=True)))


async def write_events(session: Session, events: Sequence[NewEvent]) -> None:
    """Append the rows of events."""
    if not events:
        return
    await copy(session, EVENTS, [_event_record(event) for event in events])


def _event_record(event: NewEvent) -> tuple[object, ...]:
    return (
        *(event.bucket, day_of(event.id), event.id, event.account, event.tracking, event.tracking_number),
        *(event.courier_code, event.sequence, event.status, event.substatus, event.previous_status, event.source),
        *(event.deliveries, skipped_as_json(event), event.packed),
    )


def skipped_as_json(event: NewEvent) -> str | None:
    """Return why endpoints got nothing, as an event's row has it."""
    return msgspec.json.encode(event.skipped).decode() if event.skipped else None


async def write_deliveries(session: Session, deliveries: Sequence[NewDelivery]) -> None:
    """Append the rows of deliveries to the queue."""
    if deliveries:
        await copy(session, DELIVERIES, map(msgspec.structs.astuple, deliveries))


async def change(session: Session, changed: Sequence[ChangedTracking]) -> None:
    """Update the rows of locked trackings."""
    columns = [
        (
            *(one.bucket, one.id, one.sequence, one.last_event, one.status, one.substatus, one.updated_at),
            *one.found_by,
        )
        for one in changed
    ]
    states = joined([one.packed for one in changed])
    await execute(session, "change_trackings", *(list(column) for column in zip(*columns, strict=True)), *states)


def found_by(state: TrackingState) -> FoundBy:
    """Return what the row of a tracking with this state is also found by."""
    facts = state.facts
    if not facts:
        return NOTHING_ELSE
    order, name = (facts[fact].text if fact in facts else "" for fact in FoundBy._fields)
    return FoundBy(order or None, searchable(name) or None)


async def watch_again(session: Session, rows: Sequence[tuple[UUID, str, bool]]) -> None:
    """Watch known trackings as if they were new: (tracking, courier code, whether it is polled).

    A running poll loses its lease: it no longer decides when its parcel is polled next.
    """
    buckets = [ids.bucket(tracking) for tracking, _, _ in rows]
    columns = (list(column) for column in zip(*rows, strict=True))
    await execute(session, "watch_again", sorted(set(buckets)), buckets, *columns)
    if wanted := [tracking for tracking, _, polled in rows if polled]:
        await register_again(session, wanted)
