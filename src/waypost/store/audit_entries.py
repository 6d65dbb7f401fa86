"""Rows of the audit log, appended in the transaction of the change that they record."""

from uuid import UUID

import msgspec

from waypost.domain.audit import BEGINNING, Action, Changes, Entry, digest
from waypost.store.audit import microseconds
from waypost.store.statements import Session, execute, fetch_one


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
