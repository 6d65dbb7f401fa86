"""What signing in to the pages writes: a used login link, a better hash, an entry in the audit log.

The checks themselves, with their limits on attempts, are the pages' (``portal/logins.py``). There is no actor yet.
"""

from hashlib import sha256
from uuid import UUID

from waypost.actions.actor import NOBODY, Actor, note
from waypost.actions.context import DatabaseContext
from waypost.domain.audit import Action, Changes
from waypost.store import accounts, user_changes
from waypost.store.accounts import Login
from waypost.store.statements import transaction


async def use_link(context: DatabaseContext, token: str) -> Login | None:
    """Use a login link up and return its user; None if it was used, has expired, or never existed."""
    async with context.database.serving.acquire() as session:
        return await user_changes.delete_login_link(session, sha256(token.encode()).digest())


async def rehash_password(context: DatabaseContext, user: Login, password_hash: str) -> None:
    """Replace the hash of a user's password by one of the same password with today's parameters."""
    async with context.database.serving.acquire() as session:
        await user_changes.update_password_hash(session, user.id, user.password_hash, password_hash)


async def note_sign_in(context: DatabaseContext, user: UUID, address: str, *, by: str) -> None:
    """Record that a user has signed in, ``by`` password or link, from an IP address."""
    await _note(context, user, address, Action.SIGNED_IN, {"by": (None, by)})


async def note_refused_sign_in(context: DatabaseContext, user: UUID, address: str) -> None:
    """Record that somebody entered a wrong password for a user."""
    await _note(context, user, address, Action.PASSWORD_REFUSED, {"at": (None, "sign-in")})


async def _note(context: DatabaseContext, user: UUID, address: str, action: Action, changes: Changes) -> None:
    async with context.database.serving.acquire() as session, transaction(session):
        visitor = await accounts.find_visitor(session, user)
        if visitor is not None:
            name = visitor.email if action is Action.SIGNED_IN else NOBODY
            await note(session, Actor(visitor.account, name, address), action, visitor.email, changes)
