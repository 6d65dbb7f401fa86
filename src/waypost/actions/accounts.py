"""What owners do with their account, and every user with the own password. Each change is written down.

Each raises Invalid for what can't be taken, Conflict for what may not be, and NotFound for a user of another account.
"""

import secrets
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from waypost.actions.actor import Actor, note
from waypost.actions.context import DatabaseContext
from waypost.actions.refusals import Conflict, Fault, Invalid, NotFound, checking
from waypost.domain import ids
from waypost.domain.accounts import check_accent, check_email, check_name, check_origins
from waypost.domain.audit import Action, Changes
from waypost.store import accounts, api_keys, users
from waypost.store.accounts import AccountExists
from waypost.store.api_keys import KeyRow
from waypost.store.statements import Session, transaction
from waypost.store.users import AccountSettings, UserRow

ROLES: Final = ("owner", "member")
_LAST_OWNER: Final = "The last owner stays: make somebody else an owner first."


async def change(
    context: DatabaseContext, actor: Actor, *, name: str, email: str, accent: str, embed_origins: str
) -> AccountSettings:
    """Change what the account is called and how it looks; ``embed_origins`` are sites, one to a line."""
    with checking():
        email, name = check_email(email), check_name(name)
        chosen = AccountSettings(email, name, check_accent(accent), check_origins(embed_origins))
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                await users.lock(session, actor.account)
                changes = _changes(await users.settings(session, actor.account), chosen)
                if changes:
                    await users.change(session, actor.account, chosen)
                    await note(session, actor, Action.ACCOUNT_CHANGED, chosen.name, changes)
        except AccountExists as error:
            raise Invalid([Fault("email", "is another account's")]) from error
    return chosen


async def add_user(context: DatabaseContext, actor: Actor, *, email: str, password_hash: str, role: str) -> None:
    """Let somebody else log in."""
    with checking():
        email = check_email(email)
    user = ids.make_id(time.time_ns() // 1_000_000, 0, secrets.randbits(62))
    async with context.database.serving.acquire() as session:
        try:
            async with transaction(session):
                await users.lock(session, actor.account)
                added = await users.add(
                    session, actor.account, user=user, email=email, password_hash=password_hash, role=check_role(role)
                )
                if not added:
                    message = f"The account has its {users.MOST_USERS} users already: remove one first."
                    raise Conflict("user_limit", message)
                await note(session, actor, Action.USER_ADDED, email, {"role": (None, role)})
        except AccountExists as error:
            raise Invalid([Fault("email", "is another user's")]) from error


async def change_role(context: DatabaseContext, actor: Actor, user: UUID, role: str) -> None:
    """Make a user an owner or a member; the last owner stays one."""
    async with context.database.serving.acquire() as session, transaction(session):
        before = await _user(session, actor.account, user)
        if await users.change_role(session, actor.account, user, check_role(role)) is None:
            raise Conflict("last_owner", _LAST_OWNER)
        if before.role != role:
            await note(session, actor, Action.ROLE_CHANGED, before.email, {"role": (before.role, role)})


async def remove_user(
    context: DatabaseContext, actor: Actor, user: UUID, *, revoke: Collection[UUID] = ()
) -> Sequence[KeyRow]:
    """Let a user log in no more, and out of where the user is logged in; the last owner stays.

    ``revoke`` names those of the user's keys that end with it; others than the user's are left alone. Returns those
    that were revoked.
    """
    async with context.database.serving.acquire() as session, transaction(session):
        before = await _user(session, actor.account, user)
        if await users.remove(session, actor.account, user) is None:
            raise Conflict("last_owner", _LAST_OWNER)
        await note(session, actor, Action.USER_REMOVED, before.email, {"role": (before.role, None)})
        theirs = await api_keys.working_of(session, actor.account, before.email, datetime.now(UTC))
        revoked = [key for key in theirs if key.id in revoke]
        for key in revoked:
            await api_keys.revoke(session, actor.account, key.id)
            await note(session, actor, Action.KEY_REVOKED, key.name)
    return revoked


async def change_password(context: DatabaseContext, actor: Actor, email: str, password_hash: str) -> None:
    """Change a user's password; whoever was logged in as this user is out."""
    async with context.database.serving.acquire() as session, transaction(session):
        await accounts.set_password(session, email, password_hash)
        await note(session, actor, Action.PASSWORD_CHANGED, email)


async def note_refused_password(context: DatabaseContext, actor: Actor, email: str) -> None:
    """Write down that somebody who is logged in as a user does not know the user's password."""
    async with context.database.serving.acquire() as session, transaction(session):
        await note(session, actor, Action.PASSWORD_REFUSED, email, {"at": (None, "change of password")})


def check_role(role: str) -> str:
    """Give a role as it is. Raises Invalid."""
    if role not in ROLES:
        raise Invalid([Fault("role", f"must be one of {', '.join(ROLES)}")])
    return role


async def _user(session: Session, account: UUID, user: UUID) -> UserRow:
    await users.lock(session, account)
    found = next((row for row in await users.of_account(session, account) if row.id == user), None)
    if found is None:
        raise NotFound
    return found


def _changes(before: AccountSettings, after: AccountSettings) -> Changes:
    shown = [
        {
            "email": one.email,
            "name": one.name,
            "accent": one.accent,
            "embed_origins": "\n".join(one.embed_origins) or None,
        }
        for one in (before, after)
    ]
    return {name: (text, shown[1][name]) for name, text in shown[0].items() if text != shown[1][name]}
