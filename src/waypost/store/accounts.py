"""Accounts, the users that log in to them and the API keys that act for them."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError

from waypost.store.statements import Session, execute, fetch_one, transaction

_TAKEN: Final = frozenset({"account_email", "account_user_email"})


class AccountExists(Exception):  # noqa: N818 - reads as what is wrong
    """Another account or user has this e-mail address, whatever the case of its letters; nothing was changed."""


class KeyOwner(msgspec.Struct, frozen=True):
    """Whom a key acts for, and what it may do. ``email`` is the account's, as typed: it signs V2 and V3."""

    account: UUID
    email: str
    scopes: frozenset[str]
    key: UUID


async def find_key(session: Session, digest: bytes) -> KeyOwner | None:
    """Give the owner of the key with this digest; None when there is none, it was revoked, or it has expired."""
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
    """Add an account, its first user with the same e-mail address, and its first key: all of it or nothing.

    Raises AccountExists.
    """
    try:
        async with transaction(session):
            await execute(session, "add_account", account, email, name)
            await execute(session, "add_user", user, account, email, password_hash, "owner")
            await execute(session, "add_key", key, account, "First key", key_prefix, key_digest, sorted(scopes))
    except UniqueViolationError as error:
        if error.constraint_name in _TAKEN:
            raise AccountExists(f"There is already an account with the e-mail address {email}.") from None
        raise


async def has_accounts(session: Session) -> bool:
    """Tell whether there is any account yet."""
    row = await fetch_one(session, "any_account")
    return bool(row and row["found"])
