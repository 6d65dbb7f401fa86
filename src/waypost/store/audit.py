"""The audit log as it is kept: appended to in the transaction that does what is written down."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.audit import BEGINNING, Action, Changes, Entry, digest
from waypost.store.statements import Session, execute, fetch, fetch_one

END: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ChainedEntry(Entry, frozen=True):
    """An entry and the digest it was kept with."""

    digest: bytes


async def append(
    session: Session,
    account: UUID,
    *,
    actor: str,
    address: str | None,
    action: Action,
    subject: str,
    changes: Changes,
) -> None:
    """Append an entry. Locks the account's row until the caller's transaction ends."""
    await execute(session, "lock_account", account)
    tail = await fetch_one(session, "audit_tail", account)
    assert tail is not None  # noqa: S101 - a left join gives its left row
    entry = Entry((tail["number"] or 0) + 1, _microseconds(tail["at"]), actor, address, action, subject, changes)
    chained = digest(tail["digest"] or BEGINNING, account.hex, entry)
    columns = (account, entry.number, tail["at"], actor, address, action.value, subject)
    await execute(session, "append_audit_entry", *columns, msgspec.json.encode(changes).decode(), chained)


async def page(session: Session, account: UUID, *, before: int = END, limit: int) -> list[ChainedEntry]:
    """Give entries, newest first, of numbers smaller than ``before``."""
    rows = await fetch(session, "audit_entries", account, before, limit)
    return [
        ChainedEntry(
            number=row["number"],
            at=_microseconds(row["at"]),
            actor=row["actor"],
            address=row["address"],
            action=row["action"],
            subject=row["subject"],
            changes=msgspec.json.decode(row["changes"], type=Changes),
            digest=row["digest"],
        )
        for row in rows
    ]


def broken_at(account: UUID, entries: Sequence[ChainedEntry]) -> int | None:
    """Give the number of an entry that was changed, or before which one is missing; None when all hold together.

    ``entries`` are newest first; the oldest is only believed when it is the account's first.
    """
    for place, entry in enumerate(entries):
        older = entries[place + 1] if place + 1 < len(entries) else None
        if older is None and entry.number > 1:
            break
        previous = BEGINNING if older is None else older.digest
        plain = Entry(**{name: getattr(entry, name) for name in Entry.__struct_fields__})
        is_next = entry.number == (1 if older is None else older.number + 1)
        if not is_next or digest(previous, account.hex, plain) != entry.digest:
            return entry.number
    return None


def _microseconds(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
