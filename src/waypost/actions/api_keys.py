"""What is done with API keys, for the pages and the command line alike."""

import os
import secrets
import time
from uuid import UUID

from waypost.actions.actor import Actor, note
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Conflict, NotFound, checking
from waypost.domain import ids
from waypost.domain.accounts import check_name
from waypost.domain.api_keys import RANDOM_BYTES, check_days, check_scopes, digest_of, make_key, shown_prefix
from waypost.domain.audit import Action
from waypost.store import api_keys
from waypost.store.statements import transaction


async def add(
    context: DatabaseContext, actor: Actor, *, name: str, scopes: list[str], days: int | None
) -> tuple[UUID, str]:
    """Add a key and give its id and text, which is shown this once.

    Raises Invalid for what can't be taken, and Conflict when there are too many.
    """
    with checking():
        name, scopes, days = check_name(name), check_scopes(scopes), check_days(days)
    text = make_key(os.urandom(RANDOM_BYTES))
    key = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    async with context.database.serving.acquire() as session, transaction(session):
        added = await api_keys.add(
            session,
            key=key,
            account=actor.account,
            name=name,
            prefix=shown_prefix(text),
            digest=digest_of(text),
            scopes=scopes,
            days=days,
            made_by=actor.name,
        )
        if not added:
            message = f"The account has its {api_keys.MOST_LIVE} keys already: revoke one first."
            raise Conflict("api_key_limit", message)
        await note(session, actor, Action.KEY_CREATED, name, {"scopes": (None, ", ".join(scopes))})
    return key, text


async def revoke(context: DatabaseContext, actor: Actor, key: UUID) -> bool:
    """Let a key work no more; False when it was revoked before. Raises NotFound for a key of another account."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = await api_keys.find(session, actor.account, key)
        if row is None:
            raise NotFound
        if not await api_keys.revoke(session, actor.account, key):
            return False
        await note(session, actor, Action.KEY_REVOKED, row.name)
    return True
