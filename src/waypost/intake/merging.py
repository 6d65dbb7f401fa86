"""Merges a portion of a batch: locks its trackings, applies their updates, queues the deliveries, writes it all back.

Only one state is unpacked at a time, and written states are not kept, so a thousand large parcels take no more memory
than one. The loop runs on between two updates while the locks are held.
"""

import os
import random
from collections.abc import Iterable, Mapping, Sequence
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
from waypost.store.few_updates import MOST_ROWS, write_few
from waypost.store.intake_rows import RegisteredTracking, TrackingKey
from waypost.store.rows import ChangedTracking, LockedRow, NewDelivery, NewEvent
from waypost.store.statements import Session
from waypost.store.states import pack_beside_others, unpack
from waypost.store.trouble import RegisteredMeanwhile
from waypost.turns import Turn

QUICKLY_READ: Final = 8
"""This many scans are read while they are merged; more are read beforehand, scan by scan."""

EVENT_BYTES: Final = 4 << 20
"""The size of events that are gathered before they are sent: a parcel may occur in a batch a thousand times."""

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret

Listeners = Mapping[UUID, list[SubscribedEndpoint]]
Reports = Mapping[UUID, Sequence["BatchedUpdate"]]
"""The updates of each tracking, in their order."""
NewTrackings = Mapping[UUID, tuple[TrackingKey, TrackingState]]
"""By its id, what a new tracking is found by and its state before any update."""


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
    session: Session, reports: Reports, listeners: Listeners
) -> tuple[dict[int, MergedUpdate], frozenset[UUID]]:
    """Apply reports to known trackings. Return each result by its index, and the endpoints that can send because of it.

    ``reports`` are in the common order of locks. A tracking that was deleted before it could be locked is missing in
    the result.
    """
    rows = await intake_rows.lock(session, list(reports))
    portion = Portion(session, listeners, await intake_rows.now(session))
    await portion.apply_to_known(reports, rows)
    return portion.merged, await portion.write()


class Portion:
    """What the updates of some trackings result in, gathered to be written together.

    ``now`` is the database's time after the trackings were locked, in Unix milliseconds. Parcels of the courier codes
    ``polled`` are polled as soon as they are registered.
    """

    def __init__(self, session: Session, listeners: Listeners, now: int, polled: Iterable[str] = ()) -> None:
        self._session = session
        self._listeners = listeners
        self._now = now
        self._polled = polled
        self._new: list[RegisteredTracking] = []
        self._events: list[NewEvent] = []
        self._event_bytes = 0
        self._deliveries: list[NewDelivery] = []
        self._changed: list[ChangedTracking] = []
        self.merged: dict[int, MergedUpdate] = {}

    async def apply_to_new(self, reports: Reports, new: NewTrackings) -> None:
        """Apply reports to trackings that are registered when the portion is written, each with its state by then."""
        for identifier, one in reports.items():
            key, state = new[identifier]
            tracking = _Tracking(ids.bucket(identifier), identifier, one[0].account, 0, None, state)
            await self._apply(tracking, one)
            self._new.append(RegisteredTracking(key, state.created_at, await _row_of(tracking)))

    async def apply_to_known(self, reports: Reports, rows: Sequence[LockedRow]) -> None:
        """Apply reports to locked trackings."""
        for row in rows:
            await Turn(row.account).pause()
            state = unpack(row.packed)
            tracking = _Tracking(row.bucket, row.id, row.account, row.sequence, row.last_event, state, row.packed)
            await self._apply(tracking, reports[row.id])
            if tracking.state is not state:
                self._changed.append(await _row_of(tracking))

    async def _apply(self, tracking: _Tracking, reports: Sequence[BatchedUpdate]) -> None:
        """Apply the updates of one tracking in order."""
        turn = Turn(tracking.account)
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

    async def write(self) -> frozenset[UUID]:
        """Queue and write what was gathered; return the endpoints that have something to send because of it.

        Raise RegisteredMeanwhile if a new tracking is not new any more.
        """
        most = max(len(self._new), len(self._changed), len(self._events), len(self._deliveries))
        are_few = most <= MOST_ROWS
        line = await line_up(self._session, self._deliveries, behind=self._behind(are_few=are_few))
        if are_few:
            endpoints = line.freed
            if most:
                written = (self._new, self._changed, self._events, line.waiting)
                endpoints |= await write_few(self._session, *written, polled=self._polled)
            await intake_rows.write_superseded(self._session, line.superseded)
            return endpoints
        if self._new:
            made = await intake_rows.register(self._session, self._new, self._polled)
            if len(made) < len(self._new):
                raise RegisteredMeanwhile
        endpoints = await write_line(self._session, line)
        await self._send_events()
        if self._changed:
            await intake_rows.change(self._session, self._changed)
        return endpoints

    def _behind(self, *, are_few: bool) -> list[NewDelivery]:
        """Return the deliveries whose queues must be looked at before they are written: none of new parcels.

        ``write_few`` looks for itself, but at the tail only, and an endpoint that wants the latest event needs more.
        """
        if self._new:
            return []
        return [one for one in self._deliveries if one.ordering == Ordering.LATEST or not are_few]


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


async def _row_of(tracking: _Tracking) -> ChangedTracking:
    """Return a tracking's row; the newest event has its packed state unless facts changed after it."""
    state = tracking.state
    packed = await pack_beside_others(state) if tracking.packed is None else tracking.packed
    return row_of(tracking.id, state, packed, sequence=tracking.sequence, last_event=tracking.newest)


def row_of(
    tracking: UUID, state: TrackingState, packed: bytes, *, sequence: int = 0, last_event: UUID | None = None
) -> ChangedTracking:
    """Return the row of a tracking with this state, which has had no event unless one is given."""
    return ChangedTracking(
        bucket=ids.bucket(tracking),
        id=tracking,
        sequence=sequence,
        last_event=last_event,
        status=state.status.value,
        substatus=state.substatus,
        packed=packed,
        updated_at=state.updated_at,
        found_by=intake_rows.found_by(state),
    )


def _random() -> int:
    """Return 62 random bits: ids must be unique, not secret."""
    return _RANDOM.getrandbits(62)
