"""Rows of users and of their login links, written: each function runs the statement of its name."""

from datetime import timedelta
from uuid import UUID

from asyncpg import UniqueViolationError

from waypost.store.accounts import AccountExists, Login
from waypost.store.statements import Session, execute, fetch_one
from waypost.store.users import MOST_USERS


async def update_password(session: Session, account: UUID, email: str, password_hash: str) -> bool:
    """Update a user's row with a new hash, which ends the sessions. Return False if there is no such user."""
    return await fetch_one(session, "update_password", account, email, password_hash) is not None


async def update_password_hash(session: Session, user: UUID, known: str, password_hash: str) -> None:
    """Update a user's row with the same password, hashed with today's parameters, unless the hash has changed."""
    await execute(session, "update_password_hash", user, known, password_hash)


async def insert_login_link(session: Session, account: UUID, email: str, digest: bytes, *, seconds: float) -> bool:
    """Insert the row of a login link by its digest. Return False if there is no such user."""
    row = await fetch_one(session, "insert_login_link", account, email, digest, timedelta(seconds=seconds))
    return row is not None


async def delete_login_link(session: Session, digest: bytes) -> Login | None:
    """Delete the row of a login link, and return its user; None if it was used, has expired, or never existed."""
    row = await fetch_one(session, "delete_login_link", digest)
    return None if row is None else Login(**row)


async def insert_user(
    session: Session, account: UUID, *, user: UUID, email: str, password_hash: str, role: str
) -> bool:
    """Insert the row of a user, after ``lock_account``. Return False if there are ``MOST_USERS``.

    Raise AccountExists if the e-mail address is taken; the transaction is lost then.
    """
    try:
        row = await fetch_one(session, "insert_user", user, account, email, password_hash, role, MOST_USERS)
    except UniqueViolationError:
        raise AccountExists from None
    return row is not None


async def update_role(session: Session, account: UUID, user: UUID, role: str) -> str | None:
    """Update the role in a user's row, after ``lock_account``.

    Return the e-mail address; None if there is no such user, or it is the last owner.
    """
    row = await fetch_one(session, "update_role", account, user, role)
    return None if row is None else row["email"]


async def delete_user(session: Session, account: UUID, user: UUID) -> str | None:
    """Delete the row of a user, after ``lock_account``.

    Return the e-mail address; None if there is no such user, or it is the last owner.
    """
    row = await fetch_one(session, "delete_user", account, user)
    return None if row is None else row["email"]


async def update_time_zone(session: Session, account: UUID, user: UUID, zone: str | None) -> None:
    """Set the time zone in the row of a user; None for the account's."""
    await execute(session, "update_time_zone_of_user", account, user, zone)
