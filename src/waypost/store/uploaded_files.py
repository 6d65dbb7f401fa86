"""CSV files that wait for their columns to be matched, and how an account matched files with the same headings."""

from uuid import UUID

from waypost.store.statements import Session, fetch_one


async def uploaded_file(session: Session, user: UUID) -> bytes | None:
    """Return the file that a user has uploaded within the last hour, if any."""
    row = await fetch_one(session, "uploaded_file", user)
    return None if row is None else row["content"]


async def column_mapping(session: Session, account: UUID, headings: bytes) -> str | None:
    """Return how the account last matched the columns of files with these headings, a digest; None for never."""
    row = await fetch_one(session, "column_mapping", account, headings)
    return None if row is None else row["columns"]
