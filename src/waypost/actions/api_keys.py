"""Actions on API keys, for the pages and the command line; and whom a key that is used acts for."""

import os
import secrets
import time
from uuid import UUID

from waypost.actions.actor import Actor, note
from waypost.actions.context import DatabaseContext, KeyContext
from waypost.actions.refusals import Conflict, NotFound, checking
from waypost.domain import ids
from waypost.domain.accounts import check_name
from waypost.domain.api_keys import RANDOM_BYTES, check_days, check_scopes, digest_of, make_key, shown_prefix
from waypost.domain.audit import Action
from waypost.store import api_key_changes, api_keys
from waypost.store.accounts import KeyOwner
from waypost.store.statements import transaction


async def add(
    context: DatabaseContext, actor: Actor, *, name: str, scopes: list[str], days: int | None
) -> tuple[UUID, str]:
    """Add a key and return its id and text, which is not stored and can't be shown again.

    Raise Invalid for invalid values, and Conflict at the account's key limit.
    """
    with checking():
        name, scopes, days = check_name(name), check_scopes(scopes), check_days(days)
    text = make_key(os.urandom(RANDOM_BYTES))
    key = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    async with context.database.serving.acquire() as session, transaction(session):
        added = await api_key_changes.insert_api_key(
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
            message = f"All {api_keys.MOST_LIVE} API keys are in use. Revoke one to create another."
            raise Conflict("api_key_limit", message)
        await note(session, actor, Action.KEY_CREATED, name, {"scopes": (None, ", ".join(scopes))})
    return key, text


async def revoke(context: DatabaseContext, actor: Actor, key: UUID) -> bool:
    """Revoke a key; return False if it was already revoked. Raise NotFound for a key of another account."""
    async with context.database.serving.acquire() as session, transaction(session):
        row = await api_keys.find(session, actor.account, key)
        if row is None:
            raise NotFound
        if not await api_key_changes.mark_revoked(session, actor.account, key):
            return False
        await note(session, actor, Action.KEY_REVOKED, row.name)
    return True


async def use(context: KeyContext, digest: bytes) -> KeyOwner | None:
    """Return whom the key with this digest acts for, and record its use; None if it is unknown, revoked or expired."""
    async with context.database.serving.acquire() as session:
        used = await api_key_changes.use_key(session, digest)
    if used is None:
        return None
    context.quotas.learn(used.owner.account, used.quota, used.usage)
    return used.owner
