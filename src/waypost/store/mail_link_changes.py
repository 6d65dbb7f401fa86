"""Rows of links in mail, written: each function runs the statement of its name."""

from datetime import timedelta
from uuid import UUID

from asyncpg import UniqueViolationError

from waypost.store.accounts import AccountExists
from waypost.store.statements import Session, execute, fetch, fetch_one


async def insert_mail_link(
    session: Session, digest: bytes, user: UUID, email: str | None, *, works_for: timedelta, most: int
) -> bool:
    """Insert the row of a link by its digest, in the caller's transaction, in which the user is locked.

    Return False while ``most`` links of the user wait.
    """
    await execute(session, "lock_user_of_links", user)
    return await fetch_one(session, "insert_mail_link", digest, user, email, works_for, most) is not None


async def delete_mail_link(session: Session, digest: bytes) -> bool:
    """Delete the row of a link that works; return False if there is none."""
    return await fetch_one(session, "delete_mail_link", digest) is not None


async def delete_mail_links_of(session: Session, user: UUID) -> None:
    """Delete all links of a user."""
    await execute(session, "delete_mail_links_of", user)


async def update_address(session: Session, user: UUID, old: str, new: str) -> None:
    """Update the address in a user's row, and in the keys that the user created.

    Raise AccountExists if the address is taken; the transaction is lost then.
    """
    try:
        row = await fetch_one(session, "update_address", user, new)
    except UniqueViolationError:
        raise AccountExists from None
    if row is not None:
        await execute(session, "update_maker", row["account"], old, new)


async def delete_old_mail_links(session: Session) -> int:
    """Delete some of the links that have expired; return how many."""
    return len(await fetch(session, "delete_old_mail_links"))
