"""Fetch an account's events in their order, and wait for the next ones: for programs that can't receive webhooks."""

from uuid import UUID

from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.actions.waiting import next_rows
from waypost.store.feed import EventRow, events_after


async def next_events(context: Context, actor: Actor, after: UUID, *, limit: int, wait: float) -> list[EventRow]:
    """Return the account's next events after an id, oldest first; if there are none, wait up to ``wait`` seconds.

    Raise TooManyWaiting if too many calls of the account are waiting.
    """
    return await next_rows(context, actor, wait, lambda session: events_after(session, actor.account, after, limit))
