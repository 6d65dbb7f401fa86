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
    found, created = await _resolve(session, requests, polled)
    wanted = sorted({found[request.key] for request in requests if request.key in found})
    if not wanted:
        return Written([Result() for _ in requests], frozenset())
    changes = {
        row.id: _Change(row, row.state, row.sequence, row.last_event) for row in await intake_rows.lock(session, wanted)
    }
    now = await intake_rows.now(session)
    accounts = sorted({request.account for request in requests})
    listeners = await intake_rows.endpoints_of(session, accounts)
    results = []
    for request in requests:
        tracking = found.get(request.key)
        if request.tracking not in (None, tracking):
            tracking = None
        change = None if tracking is None else changes.get(tracking)
        results.append(_merge(request, change, listeners, made=tracking in created, now=now))
        if tracking is not None:
            created.discard(tracking)  # of several requests with one number the first has made it
    events = [event for change in changes.values() for event in change.events]
    endpoints = await enqueue(session, _fan_out(events, listeners))
    await _write(session, changes, events)
    await _restart(session, requests, results, polled)
    return Written(results, endpoints)


async def _resolve(
    session: Session, requests: Sequence[Request], polled: frozenset[str]
) -> tuple[dict[TrackingKey, UUID], set[UUID]]:
    found = await intake_rows.find(session, sorted({request.key for request in requests}))
    missing = {request.key: request for request in reversed(requests) if request.create and request.key not in found}
    if not missing:
        return found, set()
    now = await intake_rows.now(session)
    states, accounts = [], {}
    for key, request in missing.items():
        identifier = ids.make_id(now, key[0], _random())
        accounts[identifier] = request.account
        parcel = (identifier.hex, request.tracking_number, request.courier_code)
        states.append(trackings.register(*parcel, request.given, now, source=request.source))
    created = await intake_rows.register(session, accounts, states)
    if created:
        mine = [state for state in states if UUID(hex=state.id) in created]
        await intake_rows.watch(
            session, [(UUID(hex=state.id), state.courier_code, state.courier_code in polled) for state in mine]
        )
    # Somebody else may have registered the same number in the meantime: look again, by a new snapshot.
    return found | await intake_rows.find(session, sorted(missing)), created


def _merge(
    request: Request, change: _Change | None, listeners: dict[UUID, list[Endpoint]], *, made: bool, now: int
) -> Result:
    if change is None:
        return Result()
    if request.update is None:
        return Result(change.locked.id, created=made, changed=made, state=change.state)
    applied = trackings.apply(change.state, request.update, now)
    previous, change.state = change.state, applied.state
    if not applied.eventful:
        return Result(change.locked.id, created=made, changed=made or applied.changed, state=change.state)
    event = _event(change, previous, request.update, listeners[request.account], now)
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
