"""Rows of the audit log, appended in the transaction of the change that they record, and deleted when they are old."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.audit import BEGINNING, Action, Changes, Entry, digest
from waypost.store.audit import microseconds
from waypost.store.statements import Session, execute, fetch, fetch_one, transaction

A_TIME: Final = 500


async def insert_entry(
    session: Session,
    account: UUID,
    *,
    actor: str,
    address: str | None,
    action: Action,
    subject: str,
    changes: Changes,
) -> None:
    """Insert the row of an account's next entry, chained to the previous one.

    It locks the account's row until the caller's transaction ends: two entries with one predecessor would break the
    chain.
    """
    await execute(session, "lock_account", account)
    tail = await fetch_one(session, "audit_tail", account)
    assert tail is not None  # noqa: S101 - a left join gives its left row
    entry = Entry((tail["number"] or 0) + 1, microseconds(tail["at"]), actor, address, action, subject, changes)
    chained = digest(tail["digest"] or BEGINNING, account.hex, entry)
    columns = (account, entry.number, tail["at"], actor, address, action.value, subject)
    await execute(session, "insert_entry", *columns, msgspec.json.encode(changes).decode(), chained)


async def delete_old_entries(session: Session, before: datetime) -> int:
    """Delete the rows of entries from before a time, some of each account at a time; return how many.

    The newest entry of an account stays. The chain of the others stays verifiable.
    """
    deleted = 0
    async for account in _accounts(session):
        while some := await _delete_some(session, account, before):
            deleted += some
    return deleted


async def allow_audit_deletion(session: Session) -> None:
    """Let the caller's transaction delete rows of the audit log, which are otherwise only appended."""
    await execute(session, "allow_audit_deletion")


async def _delete_some(session: Session, account: UUID, before: datetime) -> int:
    async with transaction(session):
        await allow_audit_deletion(session)
        row = await fetch_one(session, "delete_old_entries", account, before, A_TIME)
    assert row is not None  # noqa: S101 - a count gives a row
    return int(row["count"])


async def _accounts(session: Session) -> AsyncIterator[UUID]:
    last = UUID(int=0)
    while rows := await fetch(session, "accounts_after", last, A_TIME):
        for row in rows:
            yield row["id"]
        last = rows[-1]["id"]
