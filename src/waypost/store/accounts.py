"""Accounts, the users that log in to them and the API keys that act for them."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError

from waypost.domain.errors import OperatorError
from waypost.store.statements import Session, execute, fetch_one, transaction

_TAKEN: Final = frozenset({"account_email", "account_user_email"})


class AccountExists(OperatorError):
    """Another account or user has this e-mail address, regardless of case; nothing was changed."""


class KeyOwner(msgspec.Struct, frozen=True):
    """Whom a key acts for, and what it may do. ``email`` is the account's, as typed: it signs V2 and V3."""

    account: UUID
    email: str
    scopes: frozenset[str]
    key: UUID


async def find_key(session: Session, digest: bytes) -> KeyOwner | None:
    """Return the owner of the key with this digest; None if it is unknown, revoked or expired."""
    row = await fetch_one(session, "find_key", digest)
    if row is None:
        return None
    return KeyOwner(row["account"], row["email"], frozenset(row["scopes"]), row["key"])


async def create_account(
    session: Session,
    *,
    account: UUID,
    email: str,
    name: str,
    password_hash: str,
    user: UUID,
    key: UUID,
    key_digest: bytes,
    key_prefix: str,
    scopes: Collection[str],
) -> None:
    """Add an account, its first user with the same e-mail address, and its first key: all or nothing.

    Raise AccountExists if the address is taken.
    """
    try:
        async with transaction(session):
            await execute(session, "add_account", account, email, name)
            await execute(session, "add_user", user, account, email, password_hash, "owner")
            await execute(session, "add_key", key, account, "First key", key_prefix, key_digest, sorted(scopes), email)
    except UniqueViolationError as error:
        if error.constraint_name in _TAKEN:
            raise AccountExists(f"There is already an account with the e-mail address {email}.") from None
        raise


class Login(msgspec.Struct, frozen=True):
    """What a login is checked against. A session stays valid while ``sessions_from`` (Unix seconds) is the same."""

    id: UUID
    password_hash: str
    sessions_from: float


class Visitor(msgspec.Struct, frozen=True):
    """Who is logged in, and to which account. Sessions from before ``sessions_from`` (Unix seconds) are invalid."""

    id: UUID
    email: str
    role: str
    sessions_from: float
    account: UUID
    account_name: str
    account_email: str


async def find_account(session: Session, email: str) -> UUID | None:
    """Return the account with an e-mail address, regardless of case."""
    row = await fetch_one(session, "account_by_email", email)
    return None if row is None else row["id"]


async def create_user(
    session: Session, *, user: UUID, account_email: str, email: str, password_hash: str, role: str
) -> bool:
    """Add a user to an account. Return False if there is no such account. Raise AccountExists for a taken address."""
    row = await fetch_one(session, "account_by_email", account_email)
    if row is None:
        return False
    try:
        await execute(session, "add_user", user, row["id"], email, password_hash, role)
    except UniqueViolationError:
        raise AccountExists(f"There is already a user with the e-mail address {email}.") from None
    return True


async def find_login(session: Session, email: str) -> Login | None:
    """Return the user with an e-mail address, regardless of case."""
    row = await fetch_one(session, "user_by_email", email)
    return None if row is None else Login(**row)


async def find_visitor(session: Session, user: UUID) -> Visitor | None:
    """Return a user and the account; None if the user no longer exists."""
    row = await fetch_one(session, "visitor", user)
    return None if row is None else Visitor(**row)


async def set_password(session: Session, email: str, password_hash: str) -> bool:
    """Change a user's password and end the sessions. Return False if there is no such user."""
    return await fetch_one(session, "set_password", email, password_hash) is not None


async def rehash_password(session: Session, user: UUID, known: str, password_hash: str) -> None:
    """Store the same password hashed with today's parameters."""
    await execute(session, "rehash_password", user, known, password_hash)


async def add_login_link(session: Session, email: str, digest: bytes, *, seconds: float) -> bool:
    """Add a link with this digest that logs its holder in once. Return False if there is no such user."""
    return await fetch_one(session, "add_login_link", email, digest, timedelta(seconds=seconds)) is not None


async def take_login_link(session: Session, digest: bytes) -> Login | None:
    """Return the user that a link logs in, and use the link up; None if it was used, has expired, or never existed."""
    row = await fetch_one(session, "take_login_link", digest)
    return None if row is None else Login(**row)


async def has_accounts(session: Session) -> bool:
    """Return whether there is any account yet."""
    row = await fetch_one(session, "any_account")
    return bool(row and row["found"])
