"""CSV files that wait for their columns to be matched, written: each function runs the statement of its name."""

from typing import Final
from uuid import UUID

from waypost.store.statements import Session, execute, fetch

MOST_MAPPINGS: Final = 20
"""The number of mappings that are remembered for an account: those that were used last."""


async def put_uploaded_file(session: Session, user: UUID, content: bytes) -> None:
    """Insert a user's file, which replaces an earlier one."""
    await execute(session, "put_uploaded_file", user, content)


async def delete_uploaded_file(session: Session, user: UUID) -> None:
    """Delete a user's file."""
    await execute(session, "delete_uploaded_file", user)


async def delete_old_uploaded_files(session: Session) -> int:
    """Delete some of the files that are older than an hour; return how many."""
    return len(await fetch(session, "delete_old_uploaded_files"))


async def put_column_mapping(session: Session, account: UUID, headings: bytes, columns: str) -> None:
    """Insert how an account matches the columns of files with these headings, and delete its oldest such rows."""
    await execute(session, "put_column_mapping", account, headings, columns)
    await execute(session, "delete_oldest_column_mappings", account, MOST_MAPPINGS)
