"""Rows of accounts, written: each function runs the statements of its name in the caller's transaction."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from asyncpg import UniqueViolationError

from waypost.store.accounts import AccountExists
from waypost.store.statements import Session, execute, transaction
from waypost.store.users import AccountSettings

_TAKEN: Final = frozenset({"account_email", "account_user_email"})


async def insert_account(
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
    """Insert the rows of an account, its first user with the same e-mail address, and its first key: all or nothing.

    Raise AccountExists if the address is taken.
    """
    try:
        async with transaction(session):
            await execute(session, "insert_account", account, email, name)
            await execute(session, "insert_owner", user, account, email, password_hash, "owner")
            await execute(
                session, "insert_first_key", key, account, "First key", key_prefix, key_digest, sorted(scopes), email
            )
    except UniqueViolationError as error:
        if error.constraint_name in _TAKEN:
            raise AccountExists from None
        raise


async def lock_account(session: Session, account: UUID) -> None:
    """Lock an account's row, so that changes of the account come one after the other until the transaction ends."""
    await execute(session, "lock_account", account)


async def update_account(session: Session, account: UUID, chosen: AccountSettings) -> None:
    """Update the row of an account with what its owners chose.

    Raise AccountExists if the e-mail address is another account's; the transaction is lost then.
    """
    columns = (chosen.email, chosen.name, chosen.accent, chosen.embed_origins)
    try:
        await execute(session, "update_account", account, *columns)
    except UniqueViolationError:
        raise AccountExists from None
