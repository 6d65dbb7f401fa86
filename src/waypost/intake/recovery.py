"""Advances recoveries step by step: each step is one transaction that begins where the previous one ended."""

import secrets
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from waypost.domain import ids
from waypost.domain.endpoints import Trigger, unwanted
from waypost.domain.recoveries import Only, RecoveryState, is_matched
from waypost.domain.statuses import Status
from waypost.intake.queueing import enqueue
from waypost.store import intake_rows, recoveries, recovery_changes
from waypost.store.recovery_changes import JudgedEvent, LockedRecovery
from waypost.store.rows import NewDelivery
from waypost.store.statements import Session, transaction
from waypost.turns import Turn

MOST_WAITING: Final = 200
"""The maximum waiting deliveries of one recovery, so that it never crowds out live events."""


async def count(session: Session, recovery: UUID) -> bool:
    """Count some of the matching events; return whether there are more to count.

    A dry run is done when all are counted.
    """
    async with transaction(session):
        taken = await recovery_changes.lock_recovery(session, recovery)
        if taken is None or taken.counted_to is None:
            return False
        events, is_last = await recovery_changes.events_after(session, taken, taken.counted_to)
        to = events[-1].id if events else taken.counted_to
        matching = await _matching(taken, events)
        await recovery_changes.note_counted(session, recovery, len(matching), None if is_last else to)
        if is_last and taken.dry_run:
            await recovery_changes.mark_finished(session, recovery, RecoveryState.DONE)
        return not is_last and bool(events)


async def queue_some(session: Session, recovery: UUID, most: int) -> tuple[int, bool]:
    """Queue the next ``most`` matching events at most; return how many, and whether more may follow at once.

    The recovery is stopped if its endpoint is disabled, and done when none of its deliveries is waiting any more.
    """
    async with transaction(session):
        taken = await recovery_changes.lock_recovery(session, recovery)
        if taken is None or taken.dry_run or taken.counted_to is not None:
            return 0, False
        if not taken.enabled:
            await recovery_changes.mark_finished(session, recovery, RecoveryState.STOPPED)
            return 0, False
        waiting = await recoveries.unsettled(session, recovery)
        room = min(most, MOST_WAITING - waiting)
        if room <= 0:
            return 0, False
        events, is_last = await recovery_changes.events_after(session, taken, taken.queued_to)
        matching = await _matching(taken, events)
        chosen = matching[:room]
        queued = await _queue(session, taken, chosen)
        if len(chosen) < len(matching):
            await recovery_changes.note_queued(session, recovery, queued, chosen[-1].id)
            return queued, False
        await recovery_changes.note_queued(session, recovery, queued, events[-1].id if events else taken.queued_to)
        if is_last and not queued and not waiting:
            await recovery_changes.mark_finished(session, recovery, RecoveryState.DONE)
        return queued, not is_last and bool(events)


async def _matching(taken: LockedRecovery, events: Sequence[JudgedEvent]) -> list[JudgedEvent]:
    """Return the events that a recovery is about, in turns with whatever else the loop does."""
    turn, matching = Turn(taken.account), []
    for event in events:
        await turn.pause()
        if _matches(taken, event):
            matching.append(event)
    return matching


def _matches(taken: LockedRecovery, event: JudgedEvent) -> bool:
    if event.waiting or event.parcel_gone:
        return False
    skipped = unwanted(
        taken.statuses, Trigger(taken.trigger), Status(event.status), status_changed=event.status_changed
    )
    return is_matched(Only(taken.only_what), fits=skipped is None, was_off=event.was_off, ends=event.ends)


async def _queue(session: Session, taken: LockedRecovery, events: Sequence[JudgedEvent]) -> int:
    """Queue deliveries of the events under their trackings' locks; nothing is sent for a deleted parcel."""
    if not events:
        return 0
    locked = {one.id for one in await intake_rows.lock(session, sorted({event.tracking for event in events}))}
    now = await intake_rows.now(session)
    turn, new = Turn(taken.account), []
    for event in events:
        await turn.pause()
        if event.tracking in locked:
            new.append(
                NewDelivery(
                    bucket=event.bucket,
                    id=ids.make_id(now, event.bucket, secrets.randbits(62)),
                    endpoint=taken.endpoint,
                    tracking=event.tracking,
                    event=event.id,
                    sequence=event.sequence,
                    ordering=taken.ordering,
                    recovery=taken.id,
                )
            )
    await enqueue(session, new)
    return len(new)
