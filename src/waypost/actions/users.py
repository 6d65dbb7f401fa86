"""Actions of owners on the users of their account, and of users on their own password, recorded in the audit log.

Each raises Invalid for invalid values, Conflict for changes that are not allowed, and NotFound for a user of another
account.
"""

import secrets
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from waypost.actions.actor import Actor, note
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Conflict, Fault, Invalid, NotFound, checking
from waypost.domain import ids
from waypost.domain.accounts import check_email
from waypost.domain.alert_targets import check_time_zone
from waypost.domain.audit import Action
from waypost.store import account_changes, api_key_changes, api_keys, user_changes, users
from waypost.store.accounts import AccountExists
from waypost.store.api_keys import KeyRow
from waypost.store.statements import Session, transaction
from waypost.store.users import UserRow

ROLES: Final = ("owner", "member")
LINK_MINUTES: Final = 15
"""How long a login link works."""

_LAST_OWNER: Final = "An account needs an owner. Promote someone else first."
_TOKEN_BYTES: Final = 32


async def add(context: DatabaseContext, actor: Actor, *, email: str, password_hash: str, role: str) -> None:
    """Add a user to the account. Raise Conflict at the limit of users."""
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                await insert(session, actor, email=email, password_hash=password_hash, role=role)
        except AccountExists as error:
            raise Invalid([Fault("email", "belongs to another user")]) from error


async def insert(session: Session, actor: Actor, *, email: str, password_hash: str, role: str) -> UUID:
    """Add a user in the caller's transaction, which is lost if this raises, and return the user's id.

    Raise AccountExists if the address belongs to another user, Conflict at the limit of users.
    """
    with checking():
        email = check_email(email)
    user = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    await account_changes.lock_account(session, actor.account)
    added = await user_changes.insert_user(
        session, actor.account, user=user, email=email, password_hash=password_hash, role=check_role(role)
    )
    if not added:
        raise Conflict("user_limit", f"All {users.MOST_USERS} users are in use. Remove one to add another.")
    await note(session, actor, Action.USER_ADDED, email, {"role": (None, role)})
    return user


async def change_role(context: DatabaseContext, actor: Actor, user: UUID, role: str) -> None:
    """Make a user an owner or a member. Raise Conflict for the last owner."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = await _user(session, actor.account, user)
        if await user_changes.update_role(session, actor.account, user, check_role(role)) is None:
            raise Conflict("last_owner", _LAST_OWNER)
        if before.role != role:
            await note(session, actor, Action.ROLE_CHANGED, before.email, {"role": (before.role, role)})


async def remove(
    context: DatabaseContext, actor: Actor, user: UUID, *, revoke: Collection[UUID] = ()
) -> Sequence[KeyRow]:
    """Remove a user and end their sessions. Return the revoked keys. Raise Conflict for the last owner.

    ``revoke`` names the keys to revoke; keys that the user did not create are ignored.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        before = await _user(session, actor.account, user)
        if await user_changes.delete_user(session, actor.account, user) is None:
            raise Conflict("last_owner", _LAST_OWNER)
        await note(session, actor, Action.USER_REMOVED, before.email, {"role": (before.role, None)})
        theirs = await api_keys.working_of(session, actor.account, before.email, datetime.now(UTC))
        revoked = [key for key in theirs if key.id in revoke]
        for key in revoked:
            await api_key_changes.mark_revoked(session, actor.account, key.id)
            await note(session, actor, Action.KEY_REVOKED, key.name)
    return revoked


async def change_password(context: DatabaseContext, actor: Actor, email: str, password_hash: str) -> None:
    """Change a user's password and end their sessions."""
    async with context.database.serving.acquire() as session, transaction(session):
        if not await user_changes.update_password(session, actor.account, email, password_hash):
            raise NotFound
        await note(session, actor, Action.PASSWORD_CHANGED, email)


async def note_refused_password(context: DatabaseContext, actor: Actor, email: str) -> None:
    """Record that a signed-in user entered a wrong current password."""
    async with context.database.serving.acquire() as session, transaction(session):
        await note(session, actor, Action.PASSWORD_REFUSED, email, {"at": (None, "change of password")})


async def make_login_link(context: DatabaseContext, actor: Actor, email: str) -> str:
    """Make a link that signs a user in once, within ``LINK_MINUTES``. Return its token, of which a digest is stored."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    digest = sha256(token.encode()).digest()
    async with context.database.serving.acquire() as session:
        if not await user_changes.insert_login_link(session, actor.account, email, digest, seconds=LINK_MINUTES * 60):
            raise NotFound
    return token


def check_role(role: str) -> str:
    """Return the role. Raise Invalid if it does not exist."""
    if role not in ROLES:
        raise Invalid([Fault("role", f"must be one of {', '.join(ROLES)}")])
    return role


async def _user(session: Session, account: UUID, user: UUID) -> UserRow:
    await account_changes.lock_account(session, account)
    found = next((row for row in await users.of_account(session, account) if row.id == user), None)
    if found is None:
        raise NotFound
    return found


async def change_time_zone(context: DatabaseContext, actor: Actor, user: UUID, name: str) -> None:
    """Show a user the times of pages in a time zone; an empty name means the account's. Raise Invalid for others."""
    zone = None
    if name.strip():
        with checking():
            zone = check_time_zone(name.strip())
    async with context.database.serving.acquire() as session:
        await user_changes.update_time_zone(session, actor.account, user, zone)
