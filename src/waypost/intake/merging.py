"""Merges updates into trackings that are locked or new, queues the deliveries, and writes it all back in portions.

Only one state is unpacked at a time, and written states are not kept, so a thousand large parcels take no more memory
than one. The loop runs on between two updates while the locks are held.
"""

import os
import random
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import endpoints as rules
from waypost.domain import ids, trackings
from waypost.domain.endpoints import Ordering, SubscribedEndpoint
from waypost.domain.readings import read, read_text, waits_for_reading
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.queueing import Line, line_up, write_line
from waypost.intake.requests import Batch, Result
from waypost.store import intake_rows
from waypost.store.few_updates import MOST_ROWS, write_few
from waypost.store.intake_rows import RegisteredTracking, TrackingKey
from waypost.store.rows import ChangedTracking, LockedRow, NewDelivery, NewEvent
from waypost.store.states import pack_beside_others, pack_quickly, unpack
from waypost.store.trouble import RegisteredMeanwhile
from waypost.turns import Turn

QUICKLY_READ: Final = 8
"""This many scans are read while they are merged; more are read beforehand, scan by scan."""

PORTION_ROWS: Final = 250
PORTION_DELIVERIES: Final = 4_000
"""The maximum trackings or events, and about the maximum deliveries, that are written together."""

EVENT_BYTES: Final = 4 << 20
"""The size of events that are gathered before they are sent: a parcel may occur in a batch a thousand times."""

# Python 3.11 looks up a member of an enumeration fifteen times as slowly as a name of the module.
_LATEST: Final = Ordering.LATEST
_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret


class _Tracking(msgspec.Struct):
    """A locked tracking while updates are applied to it; ``packed`` are the bytes of ``state``, None after a change."""

    bucket: int
    id: UUID
    account: UUID
    sequence: int
    newest: UUID | None
    state: TrackingState
    packed: bytes | None = None


class Portion:
    """What the updates of some trackings result in, gathered to be written together.

    ``now`` is the database's time after the trackings were locked, in Unix milliseconds. All of its trackings are
    locked, or all are new.
    """

    def __init__(self, batch: Batch, listeners: Mapping[UUID, list[SubscribedEndpoint]], now: int) -> None:
        self._batch = batch
        self._session = batch.session
        self._listeners = listeners
        self._now = now
        self._turns: dict[UUID, Turn] = {}
        self._endpoints = frozenset[UUID]()
        self._new: list[RegisteredTracking] = []
        self._events: list[NewEvent] = []
        self._event_bytes = 0
        self._deliveries: list[NewDelivery] = []
        self._changed: list[ChangedTracking] = []

    async def apply_to_new(self, key: TrackingKey, identifier: UUID, state: TrackingState) -> None:
        """Apply the updates of a tracking that is registered when the portion is written, with its state by then."""
        tracking = _Tracking(key[0], identifier, key[1], 0, None, state)
        await self._apply(tracking, self._batch.places[key], is_new=True)
        tracking.packed = tracking.packed or await _packed(tracking.state)
        self._new.append(RegisteredTracking(key, state.created_at, _row_of(tracking, tracking.packed)))

    async def apply_to_known(self, key: TrackingKey, row: LockedRow) -> None:
        """Apply the updates of a locked tracking."""
        state = unpack(row.packed)
        tracking = _Tracking(row.bucket, row.id, row.account, row.sequence, row.last_event, state, row.packed)
        await self._apply(tracking, self._batch.places[key], is_new=False)
        if tracking.state is not state:
            tracking.packed = tracking.packed or await _packed(tracking.state)  # facts may have changed after its event
            self._changed.append(_row_of(tracking, tracking.packed))

    async def _apply(self, tracking: _Tracking, places: Sequence[int], *, is_new: bool) -> None:
        """Apply the updates of one tracking in order. The first of a new one has registered it."""
        if self._is_full():
            await self._write()
        requests, results, turn = self._batch.requests, self._batch.results, self._turn_of(tracking.account)
        created = is_new
        for place in places:
            if turn.is_over():
                await turn.begin()
            request = requests[place]
            if request.tracking is not None and request.tracking != tracking.id:
                continue
            if (update := request.update) is None:
                state = tracking.state if created else None
                results[place] = Result(tracking.id, created=created, changed=created, state=state)
            else:
                keeps_state = request.wants_state or created or update.restarts
                results[place] = await self._update(tracking, update, created=created, keeps_state=keeps_state)
            created = False

    async def _update(self, tracking: _Tracking, update: Update, *, created: bool, keeps_state: bool) -> Result:
        if len(update.checkpoints) > QUICKLY_READ:
            update = await _read(update, tracking.state, self._turn_of(tracking.account))
        previous = tracking.state
        applied = trackings.apply(previous, update, self._now)
        if applied.state is not previous:
            tracking.state, tracking.packed = applied.state, None
        event, before = None, len(self._deliveries)
        if applied.eventful:
            packed = tracking.packed = await _packed(applied.state)
            event = self._add_event(tracking, previous, update, packed)
            if self._event_bytes >= EVENT_BYTES:
                await self._send_events()
        return Result(
            tracking.id,
            event=event,
            created=created,
            changed=created or applied.changed,
            state=applied.state if keeps_state else None,
            unread=applied.unread,
            scans=len(applied.state.checkpoints),
            deliveries=len(self._deliveries) - before,
        )

    def _add_event(self, tracking: _Tracking, previous: TrackingState, update: Update, packed: bytes) -> UUID:
        """Make the next event of a tracking. Its id is greater than the previous one, whatever the clock says."""
        state, listeners = tracking.state, self._listeners[tracking.account]
        status_changed = state.status is not previous.status
        skipped, wanting = dict[str, str](), list[SubscribedEndpoint]()
        for endpoint in listeners:
            reason = rules.skips(endpoint, state.status, status_changed=status_changed)
            if reason is None:
                wanting.append(endpoint)
            else:
                skipped[endpoint.id.hex] = reason.value
        at = self._now if tracking.newest is None else max(self._now, ids.made_at(tracking.newest) + 1)
        tracking.sequence += 1
        tracking.newest = ids.make_id(at, tracking.bucket, _random())
        event = NewEvent(
            bucket=tracking.bucket,
            id=tracking.newest,
            account=tracking.account,
            tracking=tracking.id,
            tracking_number=state.tracking_number,
            courier_code=state.courier_code,
            sequence=tracking.sequence,
            status=state.status,  # members are texts, and Python 3.11 takes long to look up a member's value
            substatus=state.substatus,
            previous_status=previous.status,
            source=update.source,
            deliveries=len(wanting),
            skipped=skipped,
            packed=packed,
        )
        self._events.append(event)
        self._event_bytes += len(packed)
        self._deliveries += [_delivery(event, endpoint, at) for endpoint in wanting]
        return event.id

    def _turn_of(self, account: UUID) -> Turn:
        turn = self._turns.get(account)
        if turn is None:
            turn = self._turns[account] = Turn(account)
        return turn

    def _is_full(self) -> bool:
        """Return whether so much was gathered that making and reading one more statement takes some milliseconds."""
        rows = max(len(self._new), len(self._changed), len(self._events))
        return rows >= PORTION_ROWS or len(self._deliveries) >= PORTION_DELIVERIES

    async def _send_events(self) -> None:
        await intake_rows.write_events(self._session, self._events)
        self._events, self._event_bytes = [], 0

    async def write(self) -> frozenset[UUID]:
        """Queue and write what was gathered; return the endpoints that have something to send because of all.

        Raise RegisteredMeanwhile if a new tracking is not new any more.
        """
        await self._write()
        return self._endpoints

    async def _write(self) -> None:
        most = max(len(self._new), len(self._changed), len(self._events), len(self._deliveries))
        are_few = most <= MOST_ROWS
        line = await line_up(self._session, self._deliveries, behind=self._behind(are_few=are_few))
        if are_few:
            self._endpoints |= line.freed
            if most:
                written = (self._new, self._changed, self._events, line.waiting)
                self._endpoints |= await write_few(self._session, *written, polled=self._batch.polled)
            await intake_rows.write_superseded(self._session, line.superseded)
        else:
            await self._write_many(line)
        self._new, self._changed, self._events, self._deliveries = [], [], [], []
        self._event_bytes = 0

    async def _write_many(self, line: Line) -> None:
        if self._new:
            made = await intake_rows.register(self._session, self._new, self._batch.polled)
            if len(made) < len(self._new):
                raise RegisteredMeanwhile
        self._endpoints |= await write_line(self._session, line)
        await self._send_events()
        if self._changed:
            await intake_rows.change(self._session, self._changed)

    def _behind(self, *, are_few: bool) -> list[NewDelivery]:
        """Return the deliveries whose queues must be looked at before they are written: none of new parcels.

        ``write_few`` looks for itself, but at the tail only, and an endpoint that wants the latest event needs more.
        """
        if self._new:
            return []
        return [one for one in self._deliveries if one.ordering == _LATEST] if are_few else self._deliveries


def _delivery(event: NewEvent, endpoint: SubscribedEndpoint, at: int) -> NewDelivery:
    return NewDelivery(
        bucket=event.bucket,
        id=ids.make_id(at, event.bucket, _random()),
        endpoint=endpoint.id,
        tracking=event.tracking,
        event=event.id,
        sequence=event.sequence,
        ordering=endpoint.ordering,
    )


async def _read(update: Update, known: TrackingState, turn: Turn) -> Update:
    """Return an update with its texts read. A scan that is spelled like a known one keeps its reading.

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


async def _packed(state: TrackingState) -> bytes:
    return pack_quickly(state) or await pack_beside_others(state)


def _row_of(tracking: _Tracking, packed: bytes) -> ChangedTracking:
    return row_of(tracking.id, tracking.state, packed, sequence=tracking.sequence, last_event=tracking.newest)


def row_of(
    tracking: UUID, state: TrackingState, packed: bytes, *, sequence: int = 0, last_event: UUID | None = None
) -> ChangedTracking:
    """Return the row of a tracking with this state, which has had no event unless one is given."""
    return ChangedTracking(
        bucket=ids.bucket(tracking),
        id=tracking,
        sequence=sequence,
        last_event=last_event,
        status=state.status,
        substatus=state.substatus,
        packed=packed,
        updated_at=state.updated_at,
        found_by=intake_rows.found_by(state),
    )


def _random() -> int:
    """Return 62 random bits: ids must be unique, not secret."""
    return _RANDOM.getrandbits(62)
