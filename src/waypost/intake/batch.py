"""One batch of updates, in its caller's transaction: register, lock, merge, queue, write.

Reads as its steps: ``_resolve`` finds or registers the trackings, ``_merge`` applies the updates to the locked states,
``_fan_out`` makes the deliveries, ``enqueue`` puts them into their queues, ``_write`` appends the rest.
"""

import os
import random
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import endpoints as rules
from waypost.domain import ids, trackings
from waypost.domain.endpoints import Endpoint
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.queueing import enqueue
from waypost.store import intake_rows
from waypost.store.intake_rows import TrackingKey
from waypost.store.rows import LockedTracking, NewDelivery, NewEvent
from waypost.store.statements import Session
from waypost.store.states import pack

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - see _random


class Request(msgspec.Struct, frozen=True):
    """An update of one tracking. ``create`` registers the tracking, with the facts ``given``, if it is new.

    ``update`` None only registers. The number is normalised and the courier code checked already. ``tracking`` is set
    by those who mean that parcel and no later one of the same number; ``source`` is a new one's way in.
    """

    account: UUID
    tracking_number: str
    courier_code: str
    update: Update | None = None
    create: bool = False
    given: dict[str, str] = {}
    tracking: UUID | None = None
    source: str = "API"

    @property
    def key(self) -> TrackingKey:
        """What a tracking is found by."""
        return (
            ids.bucket_of(self.account, self.tracking_number),
            self.account,
            self.tracking_number,
            self.courier_code,
        )


class Result(msgspec.Struct, frozen=True):
    """What became of a request: no ``tracking`` where it is unknown; ``event`` is the newest that it made."""

    tracking: UUID | None = None
    event: UUID | None = None
    created: bool = False
    changed: bool = False
    state: TrackingState | None = None


class _Change(msgspec.Struct):
    """A locked tracking while the batch's updates are applied to it."""

    locked: LockedTracking
    state: TrackingState
    sequence: int
    newest: UUID | None
    events: list[NewEvent] = []


class Written(msgspec.Struct, frozen=True):
    """What a batch came to: a result for each request, and the endpoints that have something to send."""

    results: list[Result]
    endpoints: frozenset[UUID]


async def write(session: Session, requests: Sequence[Request], polled: frozenset[str]) -> Written:
    """Write the requests in the caller's transaction. ``polled`` are the courier codes that have a source to ask."""
    keyed = [(request.key, request) for request in requests]
    found, made = await _resolve(session, keyed, polled)
    changes = {
        tracking: _Change(LockedTracking(ids.bucket(tracking), tracking, account, 0, None, state), state, 0, None)
        for tracking, (account, state) in made.items()
    }
    updated = [(found[key], request.account) for key, request in keyed if request.update is not None and key in found]
    if wanted := sorted({tracking for tracking, _ in updated} - made.keys()):
        for row in await intake_rows.lock(session, wanted):
            changes[row.id] = _Change(row, row.state, row.sequence, row.last_event)
    now, listeners = 0, {}
    if updated:  # who only registers makes no events
        now = await intake_rows.now(session)
        listeners = await intake_rows.endpoints_of(session, sorted({account for _, account in updated}))
    results = []
    for key, request in keyed:
        tracking = found.get(key)
        if request.tracking not in (None, tracking):
            tracking = None
        created = tracking is not None and made.pop(tracking, None) is not None  # the first of its number has made it
        if request.update is None:
            results.append(_registered(tracking, changes, created=created))
        else:
            change = None if tracking is None else changes.get(tracking)
            results.append(_merge(request, request.update, change, listeners, made=created, now=now))
    events = [event for change in changes.values() for event in change.events]
    endpoints = await enqueue(session, _fan_out(events, listeners))
    await _write(session, changes, events)
    await _restart(session, requests, results, polled)
    return Written(results, endpoints)


async def _resolve(
    session: Session, keyed: Sequence[tuple[TrackingKey, Request]], polled: frozenset[str]
) -> tuple[dict[TrackingKey, UUID], dict[UUID, tuple[UUID, TrackingState]]]:
    """Find the trackings, and register those that are new: give all by their keys, the new ones with account and state.

    What is only to be registered is not looked for first: whether it is there shows when it is inserted. A new one
    needs no lock: nobody else sees it yet.
    """
    found = await intake_rows.find(session, sorted({key for key, request in keyed if request.update is not None}))
    missing = {key: request for key, request in reversed(keyed) if request.create and key not in found}
    if not missing:
        return found, {}
    now = await intake_rows.now(session)
    made = {}
    for key, request in missing.items():
        tracking = ids.make_id(now, key[0], _random())
        parcel = (tracking.hex, request.tracking_number, request.courier_code)
        state = trackings.register(*parcel, request.given, now, source=request.source)
        made[tracking] = key, state
    created = await intake_rows.register(session, made, polled)
    found |= {key: tracking for tracking, (key, _) in made.items() if tracking in created}
    # The others were there already, or somebody else has registered them meanwhile: a new snapshot shows them.
    found |= await intake_rows.find(session, sorted(missing.keys() - found.keys()))
    return found, {tracking: (key[1], state) for tracking, (key, state) in made.items() if tracking in created}


def _registered(tracking: UUID | None, changes: dict[UUID, _Change], *, created: bool) -> Result:
    """Give what became of a request that only registers: its state is known where it is new."""
    if tracking is None or not created:
        return Result(tracking)
    return Result(tracking, created=True, changed=True, state=changes[tracking].state)


def _merge(
    request: Request,
    update: Update,
    change: _Change | None,
    listeners: dict[UUID, list[Endpoint]],
    *,
    made: bool,
    now: int,
) -> Result:
    if change is None:
        return Result()
    applied = trackings.apply(change.state, update, now)
    previous, change.state = change.state, applied.state
    if not applied.eventful:
        return Result(change.locked.id, created=made, changed=made or applied.changed, state=change.state)
    event = _event(change, previous, update, listeners[request.account], now)
    change.sequence, change.newest = event.sequence, event.id
    change.events = [*change.events, event]
    return Result(change.locked.id, event.id, created=made, changed=True, state=change.state)


def _event(change: _Change, previous: TrackingState, update: Update, listeners: list[Endpoint], now: int) -> NewEvent:
    """Make the next event of a tracking. Its id lies above the one before, whatever the clock says."""
    state = change.state
    status_changed = state.status is not previous.status
    skipped = {
        endpoint.id.hex: reason.value
        for endpoint in listeners
        if (reason := rules.skips(endpoint, state.status, status_changed=status_changed)) is not None
    }
    at = now if change.newest is None else max(now, ids.made_at(change.newest) + 1)
    return NewEvent(
        bucket=change.locked.bucket,
        id=ids.make_id(at, change.locked.bucket, _random()),
        account=change.locked.account,
        tracking=change.locked.id,
        sequence=change.sequence + 1,
        previous_status=previous.status.value,
        source=update.source.value,
        deliveries=len(listeners) - len(skipped),
        skipped=skipped,
        state=state,
        packed=pack(state),
    )


def _fan_out(events: list[NewEvent], listeners: dict[UUID, list[Endpoint]]) -> list[NewDelivery]:
    return [
        NewDelivery(
            bucket=event.bucket,
            id=ids.make_id(ids.made_at(event.id), event.bucket, _random()),
            endpoint=endpoint.id,
            tracking=event.tracking,
            event=event.id,
            sequence=event.sequence,
            ordering=endpoint.ordering.value,
        )
        for event in events
        for endpoint in listeners[event.account]
        if endpoint.id.hex not in event.skipped
    ]


async def _write(session: Session, changes: dict[UUID, _Change], events: list[NewEvent]) -> None:
    await intake_rows.write_events(session, events)
    changed = [
        (change.locked, change.state, change.sequence, change.newest, _packed(change))
        for change in changes.values()
        if change.state is not change.locked.state
    ]
    if changed:
        await intake_rows.change(session, changed)


async def _restart(
    session: Session, requests: Sequence[Request], results: Sequence[Result], polled: frozenset[str]
) -> None:
    """Ask again at once for what has begun anew."""
    restarted = [
        (UUID(hex=result.state.id), result.state.courier_code, result.state.courier_code in polled)
        for request, result in zip(requests, results, strict=True)
        if result.state is not None and result.changed and request.update is not None and request.update.restarts
    ]
    if restarted:
        await intake_rows.watch_again(session, restarted)


def _packed(change: _Change) -> bytes:
    """Give the packed state; the newest event has it already unless facts changed after it."""
    if change.events and change.events[-1].state is change.state:
        return change.events[-1].packed
    return pack(change.state)


def _random() -> int:
    """Give 62 random bits: ids are unique, not secret."""
    return _RANDOM.getrandbits(62)
