"""What intake reads and writes for few updates: one statement before they are merged, and one after."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec

from waypost.domain.endpoints import SubscribedEndpoint
from waypost.domain.times import from_ms
from waypost.store.intake_rows import RegisteredTracking, TrackingKey, by_key, skipped_as_json, subscribed
from waypost.store.rows import ChangedTracking, LockedRow, NewDelivery, NewEvent
from waypost.store.statements import Session, fetch
from waypost.store.trouble import RegisteredMeanwhile

MOST_ROWS: Final = 64
"""The maximum rows of one kind that are written as arrays.

Measured, client and server together: with 24 rows they cost a sixth less than COPY, with 64 the same, with 128 a tenth
more.
"""


class FewTrackings(msgspec.Struct, frozen=True):
    """What was found for few updates; ``now`` is the database's time in Unix milliseconds, after all locks.

    ``locked`` has a row for every tracking, unless a number is unknown or a tracking was deleted this moment.
    """

    now: int
    found: Mapping[TrackingKey, UUID]
    locked: Sequence[LockedRow]
    endpoints: Mapping[UUID, list[SubscribedEndpoint]]


async def lock_if_known(session: Session, keys: Sequence[TrackingKey]) -> FewTrackings:
    """Find the trackings, lock them if all are known, and return them with their accounts' endpoints.

    ``keys`` are sorted and distinct.
    """
    buckets, accounts, numbers, couriers = (list(column) for column in zip(*keys, strict=True))
    owners = sorted(set(accounts))
    arguments = (sorted(set(buckets)), buckets, accounts, numbers, couriers, owners)
    now, found, locked = 0, dict[TrackingKey, UUID](), list[LockedRow]()
    endpoints: dict[UUID, list[SubscribedEndpoint]] = {account: [] for account in owners}
    for row in await fetch(session, "lock_if_known", *arguments):
        if row["now"] is not None:
            now = int(row["now"].timestamp() * 1000)
        elif row["position"] is None:
            endpoints[row["account"]].append(subscribed(row))
        else:
            found[keys[row["position"] - 1]] = row["id"]
            if row["state"] is not None:
                columns = ("bucket", "id", "account", "sequence", "last_event", "state")
                locked.append(LockedRow(*(row[column] for column in columns)))
    return FewTrackings(now, found, locked, endpoints)


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
    tracked = _columns(rows, 14)
    happened = _columns([_happened(event) for event in events], 14)
    queued = _columns([_queued(delivery) for delivery in deliveries], 8)
    buckets = sorted({*tracked[0], *queued[0]})
    written = await fetch(session, "write_few", buckets, *tracked, sorted(polled), *happened, *queued)
    if len([row for row in written if row["made"] is not None]) != len(new):
        raise RegisteredMeanwhile
    return frozenset(row["endpoint"] for row in written if row["made"] is None)


def _registered(new: RegisteredTracking) -> tuple[Any, ...]:
    (bucket, *found_by), row = new.key, new.row
    return (bucket, row.id, *found_by, *_state(row), from_ms(new.created_at), *_since(row))


def _changed(row: ChangedTracking) -> tuple[Any, ...]:
    return (row.bucket, row.id, None, None, None, *_state(row), None, *_since(row))


def _state(row: ChangedTracking) -> tuple[Any, ...]:
    return (row.status, row.substatus, row.sequence, row.last_event, row.packed)


def _since(row: ChangedTracking) -> tuple[Any, ...]:
    return (from_ms(row.updated_at), *row.found_by)


def _happened(event: NewEvent) -> tuple[Any, ...]:
    return (
        *(event.bucket, event.id, event.account, event.tracking, event.tracking_number, event.courier_code),
        *(event.sequence, event.status, event.substatus, event.previous_status, event.source, event.deliveries),
        *(skipped_as_json(event), event.packed),
    )


def _queued(new: NewDelivery) -> tuple[Any, ...]:
    return (new.bucket, new.id, new.endpoint, new.tracking, new.event, new.sequence, new.ordering, new.blocked)


def _columns(rows: Sequence[tuple[Any, ...]], count: int) -> list[list[Any]]:
    """Return rows as columns, of which there are this many even without rows."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
