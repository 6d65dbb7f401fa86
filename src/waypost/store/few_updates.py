"""What intake reads before it merges updates, and how it writes what few of them result in: a statement each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from waypost.domain.endpoints import SubscribedEndpoint
from waypost.store.array_parameters import joined
from waypost.store.intake_rows import RegisteredTracking, TrackingKey, by_key, skipped_as_json, subscribed
from waypost.store.rows import ChangedTracking, LockedRow, NewDelivery, NewEvent
from waypost.store.statements import Session, fetch
from waypost.store.trouble import RegisteredMeanwhile

MOST_ROWS: Final = 64
"""The maximum rows of one kind that are written as arrays.

Measured, client and server together: with 24 rows they cost a sixth less than COPY, with 64 the same, with 128 a tenth
more.
"""


class Found(msgspec.Struct, frozen=True):
    """A tracking that exists, and how many bytes its state takes."""

    id: UUID
    bytes: int


class FoundTrackings(msgspec.Struct, frozen=True):
    """What was found for updates; ``now`` is the database's time in Unix milliseconds, after all locks.

    ``locked`` has the rows in the order of their locks. It is empty if a number is unknown or the states are too large:
    then ``trackings`` has those that exist. A tracking that is deleted this moment can be missing in either.
    """

    now: int
    locked: Sequence[tuple[TrackingKey, LockedRow]]
    trackings: Mapping[TrackingKey, Found]
    endpoints: Mapping[UUID, list[SubscribedEndpoint]]


async def lock_if_known(session: Session, keys: Sequence[TrackingKey], *, most_bytes: int) -> FoundTrackings:
    """Find the trackings, and lock and return them if all are known; with them their accounts' endpoints.

    ``keys`` are sorted and distinct. Nothing is locked if the states take more than ``most_bytes``.
    """
    buckets, accounts, numbers, couriers = (list(column) for column in zip(*keys, strict=True))
    owners = sorted(set(accounts))
    now, found, locked = 0, dict[TrackingKey, Found](), list[tuple[TrackingKey, LockedRow]]()
    endpoints: dict[UUID, list[SubscribedEndpoint]] = {account: [] for account in owners}
    for row in await fetch(session, "lock_if_known", buckets, accounts, numbers, couriers, most_bytes, owners):
        if (position := row["position"]) is None:
            if row["now"] is None:
                endpoints[row["account"]].append(subscribed(row))
            else:
                now = int(row["now"].timestamp() * 1000)
        elif row["state"] is None:
            found[keys[position - 1]] = Found(row["id"], row["bytes"])
        else:
            columns = (row["bucket"], row["id"], row["account"], row["sequence"], row["last_event"], row["state"])
            locked.append((keys[position - 1], LockedRow(*columns)))
    return FoundTrackings(now, locked, found, endpoints)


async def write_few(
    session: Session,
    new: Sequence[RegisteredTracking],
    changed: Sequence[ChangedTracking],
    events: Sequence[NewEvent],
    deliveries: Sequence[NewDelivery],
    *,
    polled: Iterable[str],
) -> frozenset[UUID]:
    """Write what updates result in, and return the endpoints that can send because of it.

    The ``changed`` trackings are locked. None of the deliveries are for an endpoint that wants the latest event only;
    those with another new one ahead are blocked. Parcels of the courier codes ``polled`` are polled at once. Raise
    RegisteredMeanwhile, after which the transaction must be rolled back.
    """
    rows = [_registered(one) for one in sorted(new, key=by_key)] + [_changed(one) for one in changed]
    states = [one.row.packed for one in sorted(new, key=by_key)] + [one.packed for one in changed]
    tracked = (*_columns(rows, 13), *joined(states))
    happened = (*_columns([_happened(event) for event in events], 13), *joined([event.packed for event in events]))
    queued = _columns([_queued(delivery) for delivery in deliveries], 8)
    written = await fetch(session, "write_few", *tracked, sorted(polled), *happened, *queued)
    if len([row for row in written if row["made"] is not None]) != len(new):
        raise RegisteredMeanwhile
    return frozenset(row["endpoint"] for row in written if row["made"] is None)


def _registered(new: RegisteredTracking) -> tuple[Any, ...]:
    (bucket, *found_by), row = new.key, new.row
    return (bucket, row.id, *found_by, *_state(row), new.created_at, row.updated_at, *row.found_by)


def _changed(row: ChangedTracking) -> tuple[Any, ...]:
    return (row.bucket, row.id, None, None, None, *_state(row), None, row.updated_at, *row.found_by)


def _state(row: ChangedTracking) -> tuple[Any, ...]:
    return (row.status, row.substatus, row.sequence, row.last_event)


def _happened(event: NewEvent) -> tuple[Any, ...]:
    return (
        *(event.bucket, event.id, event.account, event.tracking, event.tracking_number, event.courier_code),
        *(event.sequence, event.status, event.substatus, event.previous_status, event.source, event.deliveries),
        skipped_as_json(event),
    )


def _queued(new: NewDelivery) -> tuple[Any, ...]:
    return (new.bucket, new.id, new.endpoint, new.tracking, new.event, new.sequence, new.ordering, new.blocked)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Return rows as columns, of which there are this many even without rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
