"""Incidents as v1, the pages and the commands show them. They are opened and closed by the keeper."""

from typing import Any, Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import Context, DatabaseContext
from waypost.actions.waiting import next_rows
from waypost.domain import ids
from waypost.domain.incidents import Incident as Known
from waypost.domain.incidents import State
from waypost.domain.times import rfc3339, rfc3339_or_none
from waypost.store import incidents

SHOWN: Final = 100


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as v1 represents it. ``details`` depend on the kind, and more may be added."""

    id: str
    kind: str
    subject: str
    state: str
    opened_at: str
    closed_at: str | None
    message: str
    details: dict[str, Any]


def show(known: Known) -> Incident:
    """Return an incident as v1 represents it."""
    return Incident(
        id=ids.to_text(ids.INCIDENT, known.id),
        kind=known.kind.value,
        subject=known.subject,
        state=known.state.value,
        opened_at=rfc3339(known.opened_at),
        closed_at=rfc3339_or_none(known.closed_at),
        message=known.message,
        details={name: value for name, value in known.details.items() if value is not None},
    )


async def newest(context: DatabaseContext, account: UUID | None, *, state: State | None = None) -> list[Incident]:
    """Return an account's incidents, or with None the operator's: open ones first, then the newest."""
    async with context.database.serving.acquire() as session:
        return [show(one) for one in await incidents.newest(session, account, state=state, limit=SHOWN)]


async def next_changes(
    context: Context, actor: Actor, after: UUID, *, state: State | None, limit: int, wait: float
) -> list[Known]:
    """Return the account's incidents that changed after a change, in the order of their last changes.

    If there are none, wait up to ``wait`` seconds. Raise TooManyWaiting if too many calls of the account are waiting.
    """
    return await next_rows(
        context,
        actor,
        wait,
        lambda session: incidents.changed_after(session, actor.account, after, state=state, limit=limit),
    )
