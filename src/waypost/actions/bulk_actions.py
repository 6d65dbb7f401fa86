"""Resend or cancel every delivery that matches a filter of the webhook history, or some that were selected.

An account has one count and one running action at a time. Counts and actions go on in the keeper.
"""

import secrets
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions import deliveries
from waypost.actions.actor import Actor, note
from waypost.actions.context import Context
from waypost.actions.refusals import Conflict, NotFound, present
from waypost.domain import ids
from waypost.domain.audit import Action, Changes
from waypost.domain.bulk_actions import BUCKET, BulkKind, BulkState
from waypost.domain.history import HistoryFilter
from waypost.intake import bulk
from waypost.store import bulk_action_changes, bulk_actions
from waypost.store.bulk_actions import BulkRow
from waypost.store.intake_rows import now
from waypost.store.statements import transaction

COUNT_SECONDS: Final = 1.0
"""How long a request counts; the keeper continues."""

MOST_SELECTED: Final = 50
"""The maximum deliveries that are selected one by one."""

LONGEST_QUERY: Final = 2_000


class Selected(msgspec.Struct, frozen=True):
    """The result for selected deliveries: how many were changed, and how many were not for each reason."""

    changed: int
    refused: dict[str, int]


async def count(context: Context, actor: Actor, kind: BulkKind, wanted: HistoryFilter, *, query: str) -> BulkRow:
    """Count the deliveries that match a filter now; later ones are never part of the action.

    ``query`` is the filter as people see it, for the page and the audit log. Raise Conflict while another action of
    the account runs, or if the filter is too long.
    """
    if len(query) > LONGEST_QUERY:
        raise Conflict("filter_too_long", "The filter is too long for this. Shorten it.")
    async with context.database.engine.acquire() as session:
        at = await now(session)
        action = ids.make_id(at, BUCKET, secrets.randbits(62))
        frozen = msgspec.structs.replace(wanted, before=min(wanted.before, UUID(int=at << 80)))
        async with transaction(session):
            running = await bulk_actions.latest(session, actor.account)
            if running is not None and running.state == BulkState.RUNNING:
                raise _another_runs()
            if not await bulk_action_changes.insert_count(session, action, actor.account, kind, frozen, query=query):
                raise _another_runs()
        ends = time.monotonic() + COUNT_SECONDS
        while await bulk.count(session, action) and time.monotonic() < ends:
            pass
        return present(await bulk_actions.find(session, actor.account, action))


async def find(context: Context, actor: Actor, text: str) -> BulkRow:
    """Return the account's bulk action with an id."""
    action = present(ids.from_text(ids.BULK_ACTION, text))
    async with context.database.serving.acquire() as session:
        return present(await bulk_actions.find(session, actor.account, action))


async def latest(context: Context, actor: Actor) -> BulkRow | None:
    """Return the account's newest bulk action."""
    async with context.database.serving.acquire() as session:
        return await bulk_actions.latest(session, actor.account)


async def start(context: Context, actor: Actor, text: str) -> BulkRow:
    """Begin what was counted; the keeper does it.

    Raise Conflict if it is still being counted, has begun already, or another one runs.
    """
    row = await find(context, actor, text)
    if row.state == BulkState.COUNTING:
        raise Conflict("still_counting", "The deliveries are still being counted. Wait until all are.")
    action = Action.DELIVERIES_RESENT if row.kind == BulkKind.RESEND else Action.DELIVERIES_CANCELLED
    changes: Changes = {"count": (None, str(row.matched)), "filter": (None, row.query)}
    async with context.database.engine.acquire() as session, transaction(session):
        if not await bulk_action_changes.mark_running(session, row):
            raise _another_runs()
        await note(session, actor, action, ids.to_text(ids.BULK_ACTION, row.id), changes)
    return await find(context, actor, text)


async def stop(context: Context, actor: Actor, text: str) -> None:
    """Stop a running action: what it has changed stays changed. Raise Conflict if it has ended."""
    row = await find(context, actor, text)
    async with context.database.serving.acquire() as session, transaction(session):
        if not await bulk_action_changes.mark_ended(session, actor.account, row.id, BulkState.STOPPED):
            raise Conflict("already_finished", "This has already ended.")


async def change_selected(context: Context, actor: Actor, kind: BulkKind, chosen: Sequence[str]) -> Selected:
    """Resend or cancel deliveries one by one, at most ``MOST_SELECTED``; those that can't be are counted by reason."""
    changed, refused = 0, dict[str, int]()
    for text in dict.fromkeys(chosen[:MOST_SELECTED]):
        try:
            delivery = deliveries.read_id(text)
            if kind is BulkKind.RESEND:
                await deliveries.resend(context, actor, delivery)
            else:
                await deliveries.cancel(context, actor, delivery)
            changed += 1
        except (Conflict, NotFound) as refusal:
            refused[refusal.sentence] = refused.get(refusal.sentence, 0) + 1
    return Selected(changed, refused)


def _another_runs() -> Conflict:
    return Conflict(
        "bulk_action_running", "Deliveries are being resent or cancelled already. Wait, or stop that first."
    )
