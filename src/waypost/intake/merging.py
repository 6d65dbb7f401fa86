"""Merges a portion of a batch: locks its trackings, applies their updates, queues the deliveries, writes it all back.

Only one state is unpacked at a time, and written states are not kept, so a thousand large parcels take no more memory
than one. The loop runs on between two updates while the locks are held.
"""

import os
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import endpoints as rules
from waypost.domain import ids, trackings
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import Ordering, SubscribedEndpoint
from waypost.domain.readings import read, read_text, waits_for_reading
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.queueing import line_up, write_line
from waypost.store import intake_rows
from waypost.store.few_updates import MOST_ROWS, RegisteredTracking, write_few
from waypost.store.intake_rows import TrackingKey
from waypost.store.rows import ChangedTracking, LockedRow, NewDelivery, NewEvent
from waypost.store.statements import Session
from waypost.store.states import pack_beside_others, unpack
from waypost.turns import Turn

QUICKLY_READ: Final = 8
"""This many scans are read while they are merged; more are read beforehand, scan by scan."""

EVENT_BYTES: Final = 4 << 20
"""The size of events that are gathered before they are sent: a parcel may occur in a batch a thousand times."""

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret

Listeners = Mapping[UUID, list[SubscribedEndpoint]]
Reports = Mapping[UUID, Sequence["BatchedUpdate"]]
"""The updates of each tracking, in their order."""


class BatchedUpdate(msgspec.Struct, frozen=True):
    """An update and its index in the batch; ``wants_state`` asks for the tracking's state after it."""

    place: int
    account: UUID
    update: Update
    wants_state: bool


class MergedUpdate(msgspec.Struct, frozen=True):
    """The result of an update: the event it made, whether anything shown changed, and the state if asked for.

    ``unread`` are its new scans that could not be read; ``scans`` is how many scans the tracking has now.
    """

    event: UUID | None
    changed: bool
    state: TrackingState | None
    unread: tuple[Checkpoint, ...] = ()
    scans: int = 0


class _Tracking(msgspec.Struct):
    """A locked tracking while updates are applied to it; ``packed`` are the bytes of ``state``, None after a change."""

    bucket: int
    id: UUID
    account: UUID
    sequence: int
    newest: UUID | None
    state: TrackingState
    packed: bytes | None = None


async def merge(
    session: Session,
    reports: Reports,
    made: Mapping[UUID, TrackingState],
    listeners: Listeners,
) -> tuple[dict[int, MergedUpdate], frozenset[UUID]]:
    """Apply reports to trackings. Return each result by its index, and the endpoints that can send because of them.

    ``reports`` are in the common order of locks. The trackings ``made`` were registered in this transaction. A tracking
    that was deleted before it could be locked is missing in the result.
    """
    rows = await intake_rows.lock(session, [one for one in reports if one not in made])
    portion = Portion(session, listeners, await intake_rows.now(session))
    await portion.apply_to_new(reports, made)
    await portion.apply_to_known(reports, rows)
    return portion.merged, await portion.write(made)


class Portion:
    """What the updates of some trackings result in, gathered to be written together.

    ``now`` is the database's time after the trackings were locked, in Unix milliseconds. Few trackings may be new and
    are then written together with their events: ``to_register`` are the keys by which others will find them.
    """

    def __init__(
        self,
        session: Session,
        listeners: Listeners,
        now: int,
        to_register: Mapping[UUID, TrackingKey] = MappingProxyType({}),
    ) -> None:
        self._session = session
        self._listeners = listeners
        self._now = now
        self._to_register = to_register
        self._new: list[RegisteredTracking] = []
        self._events: list[NewEvent] = []
        self._event_bytes = 0
        self._deliveries: list[NewDelivery] = []
        self._changed: list[ChangedTracking] = []
        self.merged: dict[int, MergedUpdate] = {}

    async def apply_to_new(self, reports: Reports, made: Mapping[UUID, TrackingState]) -> None:
        """Apply reports to trackings that nobody else sees yet."""
        for identifier, state in made.items():
            first = reports[identifier][0]
            fresh = _Tracking(ids.bucket(identifier), identifier, first.account, 0, None, state)
            await self.apply(fresh, reports[identifier])

    async def apply_to_known(self, reports: Reports, rows: Sequence[LockedRow]) -> None:
        """Apply reports to locked trackings."""
        for row in rows:
            await Turn(row.account).pause()
            known = unpack(row.packed)
            locked = _Tracking(row.bucket, row.id, row.account, row.sequence, row.last_event, known, row.packed)
            await self.apply(locked, reports[row.id])

    async def apply(self, tracking: _Tracking, reports: Sequence[BatchedUpdate]) -> None:
        """Apply the updates of one tracking in order."""
        turn, before = Turn(tracking.account), tracking.state
        for report in reports:
            await turn.pause()
            update = await _read(report.update, tracking.state, turn)
            previous = tracking.state
            applied = trackings.apply(previous, update, self._now)
            if applied.state is not previous:
                tracking.state, tracking.packed = applied.state, None
            event = await self._add_event(tracking, previous, update) if applied.eventful else None
            state = tracking.state if report.wants_state else None
            scans = len(tracking.state.checkpoints)
            self.merged[report.place] = MergedUpdate(event, applied.changed, state, applied.unread, scans)
            if self._event_bytes >= EVENT_BYTES:
                await self._send_events()
        if tracking.id in self._to_register:
            key = self._to_register[tracking.id]
            self._new.append(RegisteredTracking(key, tracking.state.created_at, await _changed(tracking)))
        elif tracking.state is not before:
            self._changed.append(await _changed(tracking))

    async def _add_event(self, tracking: _Tracking, previous: TrackingState, update: Update) -> UUID:
        """Make the next event of a tracking. Its id is greater than the previous one, whatever the clock says."""
        state, listeners = tracking.state, self._listeners[tracking.account]
        status_changed = state.status is not previous.status
        skipped = {
            endpoint.id.hex: reason.value
            for endpoint in listeners
            if (reason := rules.skips(endpoint, state.status, status_changed=status_changed)) is not None
        }
        at = self._now if tracking.newest is None else max(self._now, ids.made_at(tracking.newest) + 1)
        tracking.sequence += 1
        tracking.newest = ids.make_id(at, tracking.bucket, _random())
        tracking.packed = await pack_beside_others(state)
        event = NewEvent(
            bucket=tracking.bucket,
            id=tracking.newest,
            account=tracking.account,
            tracking=tracking.id,
            tracking_number=state.tracking_number,
            courier_code=state.courier_code,
            sequence=tracking.sequence,
            status=state.status.value,
            substatus=state.substatus,
            previous_status=previous.status.value,
            source=update.source.value,
            deliveries=len(listeners) - len(skipped),
            skipped=skipped,
            packed=tracking.packed,
        )
        self._events.append(event)
        self._event_bytes += len(event.packed)
        self._deliveries += [_delivery(event, one) for one in listeners if one.id.hex not in skipped]
        return event.id

    async def _send_events(self) -> None:
        await intake_rows.write_events(self._session, self._events)
        self._events, self._event_bytes = [], 0

    async def write(self, made: Collection[UUID] = (), polled: Iterable[str] = ()) -> frozenset[UUID]:
        """Queue and write what was gathered; return the endpoints that have something to send because of it.

        The trackings ``made`` were registered in this transaction. Raise RegisteredMeanwhile.
        """
        are_few = max(len(self._changed), len(self._events), len(self._deliveries)) <= MOST_ROWS
        line = await line_up(self._session, self._deliveries, behind=self._behind(made, are_few=are_few))
        if not (are_few or self._new):
            endpoints = await write_line(self._session, line)
            await self._send_events()
            if self._changed:
                await intake_rows.change(self._session, self._changed)
            return endpoints
        endpoints = line.freed
        if self._new or self._changed or self._events:
            written = (self._new, self._changed, self._events, line.waiting)
            endpoints |= await write_few(self._session, *written, polled=polled)
        await intake_rows.write_superseded(self._session, line.superseded)
        return endpoints

    def _behind(self, made: Collection[UUID], *, are_few: bool) -> list[NewDelivery]:
        """Return the deliveries whose queues must be looked at before they are written: none of new parcels.

        ``write_few`` looks for itself, but at the tail only, and an endpoint that wants the latest event needs more.
        """
        known = [one for one in self._deliveries if one.tracking not in made and one.tracking not in self._to_register]
        return [one for one in known if one.ordering == Ordering.LATEST] if are_few else known


def _delivery(event: NewEvent, endpoint: SubscribedEndpoint) -> NewDelivery:
    return NewDelivery(
        bucket=event.bucket,
        id=ids.make_id(ids.made_at(event.id), event.bucket, _random()),
        endpoint=endpoint.id,
        tracking=event.tracking,
        event=event.id,
        sequence=event.sequence,
        ordering=endpoint.ordering.value,
    )


async def _read(update: Update, known: TrackingState, turn: Turn) -> Update:
    """Return an update with its texts read. A scan that is spelled as a known one needs no reading: it keeps its own.

    Merging would read them too, but without a pause.
    """
    if len(update.checkpoints) <= QUICKLY_READ:
        return update
    spelled = {(scan.checkpoint_date, scan.tracking_detail) for scan in known.checkpoints}
    scans = []
    for scan in update.checkpoints:
        if waits_for_reading(scan) and (scan.checkpoint_date, scan.tracking_detail) not in spelled:
            await turn.pause()
            scans.append(read(scan, read_text(scan.tracking_detail)))
        else:
            scans.append(scan)
    return msgspec.structs.replace(update, checkpoints=tuple(scans))


async def _changed(tracking: _Tracking) -> ChangedTracking:
    """Return what is written for a tracking; the newest event has its packed state unless facts changed after it."""
    state = tracking.state
    return ChangedTracking(
        bucket=tracking.bucket,
        id=tracking.id,
        sequence=tracking.sequence,
        last_event=tracking.newest,
        status=state.status.value,
        substatus=state.substatus,
        packed=await pack_beside_others(state) if tracking.packed is None else tracking.packed,
        updated_at=state.updated_at,
        order_number=intake_rows.order_number(state),
    )


def _random() -> int:
    """Return 62 random bits: ids must be unique, not secret."""
    return _RANDOM.getrandbits(62)
