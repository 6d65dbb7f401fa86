"""An account's name and who may log in to it, as its owners manage both. Everything is of one account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError

from waypost.store.accounts import AccountExists
from waypost.store.statements import Session, execute, fetch, fetch_one

MOST_USERS: Final = 100


class AccountSettings(msgspec.Struct, frozen=True):
    """What owners choose: ``accent`` None is the default colour; ``embed_origins`` may frame track pages."""

    email: str
    name: str
    accent: str | None
    embed_origins: list[str]


class UserRow(msgspec.Struct, frozen=True):
    """A person who may log in; ``role`` is ``owner`` or ``member``."""

    id: UUID
    email: str
    role: str
    created_at: datetime


async def lock(session: Session, account: UUID) -> None:
    """Serialise changes of one account until the caller's transaction ends."""
    await execute(session, "lock_account", account)


async def settings(session: Session, account: UUID) -> AccountSettings:
    """Return what the owners have chosen."""
    row = await fetch_one(session, "account_settings", account)
    assert row is not None  # noqa: S101 - accounts are never deleted
    return AccountSettings(**row)


async def change(session: Session, account: UUID, chosen: AccountSettings) -> None:
    """Write what they choose. Raise AccountExists for another's e-mail address; the transaction is lost then."""
    columns = (chosen.email, chosen.name, chosen.accent, chosen.embed_origins)
    try:
        await execute(session, "change_account", account, *columns)
    except UniqueViolationError:
        raise AccountExists(f"There is already an account with the e-mail address {chosen.email}.") from None


async def of_account(session: Session, account: UUID) -> Sequence[UserRow]:
    """Return the users in the order in which they were added."""
    return [UserRow(**row) for row in await fetch(session, "users", account, MOST_USERS)]


async def add(session: Session, account: UUID, *, user: UUID, email: str, password_hash: str, role: str) -> bool:
    """Add a user after ``lock``. Return False if there are ``MOST_USERS``. Raise AccountExists for a taken address."""
    try:
        row = await fetch_one(session, "add_user_to_account", user, account, email, password_hash, role, MOST_USERS)
    except UniqueViolationError:
        raise AccountExists(f"There is already a user with the e-mail address {email}.") from None
    return row is not None


async def change_role(session: Session, account: UUID, user: UUID, role: str) -> str | None:
    """Change a user's role after ``lock`` and return the e-mail address; None for nobody, and for the last owner."""
    row = await fetch_one(session, "change_role", account, user, role)
    return None if row is None else row["email"]


async def remove(session: Session, account: UUID, user: UUID) -> str | None:
    """Remove a user after ``lock`` and return the e-mail address; None for nobody, and for the last owner."""
    row = await fetch_one(session, "remove_user", account, user)
    return None if row is None else row["email"]
