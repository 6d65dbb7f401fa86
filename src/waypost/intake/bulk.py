"""Advances bulk actions slice by slice: each step is one transaction that begins where the previous one ended."""

import secrets
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from waypost.domain import ids
from waypost.domain.bulk_actions import BulkKind, BulkState
from waypost.domain.deliveries import Reason
from waypost.intake.queueing import enqueue
from waypost.intake.recovery import MOST_WAITING
from waypost.store import bulk_action_changes, bulk_actions, endpoints, intake_rows, queue, recoveries
from waypost.store.bulk_actions import BulkRow
from waypost.store.deliveries import DeliveryRow
from waypost.store.endpoints import EndpointRow
from waypost.store.history import Examined
from waypost.store.rows import NewDelivery
from waypost.store.statements import Session, transaction
from waypost.turns import Turn

A_SLICE: Final = 500
"""The maximum deliveries that one step examines."""

MOST_ENDPOINTS: Final = 1_000


async def count(session: Session, action: UUID) -> bool:
    """Count some of the deliveries that an action is about; return whether there are more to count."""
    async with transaction(session):
        row = await bulk_action_changes.lock(session, action, BulkState.COUNTING)
        if row is None:
            return False
        found = await _next(session, row, await _enabled(session, row))
        state = BulkState.COUNTED if found.before is None else BulkState.COUNTING
        to = row.walked_to if found.before is None else found.before
        await bulk_action_changes.note_counted(session, action, len(_distinct(row, found)), to, state)
    return found.before is not None


async def advance(session: Session, action: UUID, most: int) -> tuple[int, bool]:
    """Resend or cancel the next ``most`` deliveries at most; return how many, and whether more may follow at once.

    Resends wait like recovered events, behind what waits already, and no more than a recovery's at a time.
    """
    async with transaction(session):
        row = await bulk_action_changes.lock(session, action, BulkState.RUNNING)
        if row is None:
            return 0, False
        resends = row.kind == BulkKind.RESEND
        room = min(most, MOST_WAITING - await recoveries.unsettled(session, action)) if resends else most
        if room <= 0:
            return 0, False
        endpoints_on = await _enabled(session, row)
        found = await _next(session, row, endpoints_on)
        matching = _distinct(row, found)
        chosen = matching[:room]
        done = await (_resend(session, row, endpoints_on, chosen) if resends else _cancel(session, chosen))
        is_cut = len(chosen) < len(matching)
        to = chosen[-1].id if is_cut else found.before or row.walked_to
        await bulk_action_changes.note_changed(session, action, changed=done, left_out=len(chosen) - done, to=to)
        is_last = found.before is None and not is_cut
        if is_last:
            await bulk_action_changes.mark_ended(session, row.account, action, BulkState.DONE)
    return done, not is_last and not is_cut


async def _next(session: Session, row: BulkRow, on: dict[UUID, EndpointRow]) -> Examined:
    if row.kind == BulkKind.CANCEL:
        return await bulk_actions.next_to_cancel(session, row, limit=A_SLICE)
    wanted = [one for one in on if row.wanted.endpoint in (None, one)]
    return await bulk_actions.next_to_resend(session, row, wanted, limit=A_SLICE)


async def _enabled(session: Session, row: BulkRow) -> dict[UUID, EndpointRow]:
    """Return the account's enabled endpoints: nothing is resent to others."""
    rows = await endpoints.of_account(session, row.account, before=None, limit=MOST_ENDPOINTS)
    return {one.id: one for one in rows if one.enabled}


def _distinct(row: BulkRow, found: Examined) -> list[DeliveryRow]:
    """Return the deliveries to change. Of several resends of an event to an endpoint in a slice, the last one only."""
    rows = [one.delivery for one in found.rows]
    if row.kind == BulkKind.CANCEL:
        return rows
    last = {(one.event, one.endpoint): one.id for one in rows if one.status is not None}
    return [one for one in rows if last.get((one.event, one.endpoint)) == one.id]


async def _resend(session: Session, row: BulkRow, on: dict[UUID, EndpointRow], chosen: Iterable[DeliveryRow]) -> int:
    """Queue the events again, under their trackings' locks, except for deleted parcels and what waits already."""
    rows = list(chosen)
    if not rows:
        return 0
    locked = {one.id for one in await intake_rows.lock(session, sorted({one.tracking for one in rows}))}
    waiting = await bulk_actions.waiting_events(session, rows)
    now, turn, new = await intake_rows.now(session), Turn(row.account), []
    for one in rows:
        await turn.pause()
        if one.tracking in locked and (one.endpoint, one.event) not in waiting:
            new.append(
                NewDelivery(
                    bucket=one.bucket,
                    id=ids.make_id(now, one.bucket, secrets.randbits(62)),
                    endpoint=one.endpoint,
                    tracking=one.tracking,
                    event=one.event,
                    sequence=one.sequence,
                    ordering=on[one.endpoint].ordering,
                    recovery=row.id,
                )
            )
    await enqueue(session, new)
    return len(new)


async def _cancel(session: Session, chosen: Iterable[DeliveryRow]) -> int:
    """Cancel the deliveries; one in flight ends as cancelled unless its attempt succeeds."""
    rows = {one.id: (one.bucket, one.tracking, one.endpoint) for one in chosen}
    return await queue.cancel_some(session, rows, Reason.USER) if rows else 0
