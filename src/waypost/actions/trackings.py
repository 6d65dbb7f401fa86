"""Actions on the trackings of an account, for v4, v1, the pages and files."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from waypost.actions.actor import Actor, note
from waypost.actions.context import Context, IntakeContext
from waypost.actions.parcel_fields import NewTracking
from waypost.actions.refusals import Conflict, NotFound, present
from waypost.actions.submitting import submit
from waypost.domain import ids
from waypost.domain.audit import Action, Changes
from waypost.domain.budget import Budget
from waypost.domain.trackings import Edit, Source, TrackingState, Update
from waypost.domain.trackings import edit as apply_edit
from waypost.intake.requests import Request
from waypost.sources import polled, senders
from waypost.store import connections, intake_rows, tracking_changes, trackings, watches
from waypost.store.statements import Session, transaction
from waypost.store.tracking_changes import NumberTaken
from waypost.store.trackings import WatchedTracking
from waypost.store.trouble import REPEATABLE

REFRESH_SECONDS: Final = 60.0
"""The minimum time between two polls of a parcel, however often a refresh is requested."""


def read_id(text: str) -> UUID:
    """Return the tracking id in a URL. Raise NotFound for anything else."""
    return present(ids.from_text("", text))


async def find(context: Context, actor: Actor, tracking: UUID) -> WatchedTracking:
    """Return the tracking. Raise NotFound."""
    async with context.database.serving.acquire() as session:
        return present(await trackings.find(session, actor.account, tracking))


async def create(
    context: IntakeContext, actor: Actor, parcels: Sequence[NewTracking], *, source: str = "API"
) -> list[TrackingState | None]:
    """Register parcels and return their states; None for a parcel that is already registered, which is not changed.

    Their carriers are polled soon, without waiting for them. ``source`` is ``API``, or ``WEB`` for pages and files.
    Raise Conflict if the parcels would exceed a quota of the account.
    """
    await context.quotas.check(actor.account, parcels=len(parcels))
    requests = [
        Request(
            actor.account,
            one.tracking_number,
            one.courier_code,
            create=True,
            given=one.given,
            auto_correct=one.auto_correct,
            source=source,
        )
        for one in parcels
    ]
    results = await submit(context.intake, requests)
    context.quotas.note(actor.account, parcels=sum(result.created for result in results))
    return [result.state if result.created else None for result in results]


async def edit(context: Context, actor: Actor, tracking: UUID, edited: Edit) -> TrackingState:
    """Correct the shop's facts about a parcel, without an event. A new courier is polled soon.

    An archived parcel is not polled and does not expire, but still accepts reported updates. Raise NotFound, and
    Conflict, changing nothing, if the number is already registered with the new courier.
    """
    async with context.database.engine.acquire() as session:
        try:
            async with transaction(session):
                locked = await tracking_changes.lock_tracking(session, actor.account, tracking)
                if locked is None:
                    raise NotFound
                before = locked.state
                state = apply_edit(before, edited, await intake_rows.now(session))
                if state is before:
                    return state
                await tracking_changes.update_tracking(session, locked, state)
                if (state.courier_code, state.archived) != (before.courier_code, before.archived):
                    await intake_rows.watch_again(session, [(tracking, state.courier_code, not state.archived)])
        except NumberTaken:
            raise Conflict("already_exists", "This number is already registered with that courier.") from None
    return state


async def delete(context: Context, actor: Actor, tracking: UUID) -> TrackingState:
    """Delete a tracking, cancel its waiting deliveries, and return its last state. Raise NotFound.

    Its events and sent deliveries stay until the end of their retention period. The same number can be registered
    again, as another parcel.
    """
    while True:
        try:
            async with context.database.engine.acquire() as session, transaction(session):
                locked = await tracking_changes.lock_tracking(session, actor.account, tracking)
                if locked is None:
                    raise NotFound
                await tracking_changes.delete_tracking(session, locked)
                gone: Changes = {"courier_code": (locked.state.courier_code, None)}
                await note(session, actor, Action.TRACKING_DELETED, locked.state.tracking_number, gone)
        except REPEATABLE:
            continue
        return locked.state


async def retrack(context: Context, actor: Actor, tracking: UUID) -> TrackingState:
    """Retrack an expired tracking: restore the status of its scans, which is an event, and poll it again.

    Raise NotFound, and Conflict if it is not expired.
    """
    state = (await find(context, actor, tracking)).state
    update = Update(Source.API, restarts=True)
    (result,) = await submit(
        context.intake, [Request(actor.account, state.tracking_number, state.courier_code, update, tracking=tracking)]
    )
    if result.state is None:
        raise NotFound
    if not result.changed:
        raise Conflict("not_expired", "Only an expired parcel can be retracked.")
    return result.state


async def refresh(context: Context, actor: Actor, tracking: UUID) -> WatchedTracking:
    """Have the carrier polled soon, even for a finished parcel.

    Raise NotFound, and Conflict for a parcel that is not polled.
    """
    async with context.database.engine.acquire() as session, transaction(session):
        locked = await tracking_changes.lock_tracking(session, actor.account, tracking)
        if locked is None:
            raise NotFound
        if locked.state.archived:
            raise Conflict("archived", "The parcel is archived and not polled.")
        allowed = await _budget_of(session, context, locked.state, actor.account)
        if allowed is None:
            message = "No source is connected for this courier: the parcel is updated only through the API and pushes."
            raise Conflict("no_source", message)
        least = allowed.least_seconds_between_polls
        await tracking_changes.poll_soon(session, locked, least_seconds=max(REFRESH_SECONDS, least))
    return await find(context, actor, tracking)


async def _budget_of(session: Session, context: Context, state: TrackingState, account: UUID) -> Budget | None:
    """Return the budget of the source that is, or would be, polled for a parcel; None if none is connected."""
    found = await connections.candidates(session, (account,), context.codes)
    able = found.get(account, [])
    watch = await watches.watch_of(session, UUID(hex=state.id))
    asked = next((one for one in able if watch is not None and one.id == watch.connection), None)
    by_code = next((one for one in able if state.courier_code in one.courier_codes), None)
    chosen = asked or by_code
    if chosen is not None:
        carrier = polled.find(chosen.source)
        return None if carrier is None else carrier.budget
    services = () if watch is None or watch.connection is None else (watch.connection,)
    for row in await connections.by_ids(session, services):
        sender = senders.find(row.source) if row.account == account and row.is_polled else None
        return None if sender is None else sender.polled
    return None
