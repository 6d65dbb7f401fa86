"""The stored audit log: pages of entries, and the check of its whole chain. ``audit_entries`` appends to it."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.domain.audit import BEGINNING, Changes, Entry, digest
from waypost.store.statements import Session, fetch, fetch_one

END: Final = 2**63 - 1
READ_AT_ONCE: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Link(msgspec.Struct, frozen=True):
    """What the next entry of an audit log is chained to: the previous entry's number and digest."""

    number: int = 0
    digest: bytes = BEGINNING


class ChainedEntry(Entry, frozen=True):
    """The row of an entry of the audit log, with the digest that it was stored with."""

    digest: bytes


class Chain(msgspec.Struct, frozen=True):
    """The check of an account's log: the newest intact entry's number, its digest in hex, and the first broken entry.

    Entries cut off at the end can be noticed only by someone who has kept an earlier number and digest.
    """

    account: str
    email: str
    entries: int
    digest: str
    broken_at: int | None


async def page(session: Session, account: UUID, *, before: int = END, limit: int) -> list[ChainedEntry]:
    """Return the rows of the audit log's entries, newest first, with numbers below ``before``."""
    return [_entry(row) for row in await fetch(session, "audit_entries", account, before, limit)]


async def chains(session: Session, account: UUID | None = None) -> AsyncIterator[Chain]:
    """Check the rows of the whole audit log of every account, or of one."""
    for row in await fetch(session, "audited_accounts", account):
        yield await _chain(session, row["id"], row["email"])


async def broken_lately(session: Session, *, accounts: int, entries: int) -> tuple[int, list[str]]:
    """Check the newest ``entries`` of some accounts, and return how many were checked and what is broken.

    The accounts are others each day. ``chains`` checks everything.
    """
    checked, broken = 0, []
    for row in await fetch(session, "some_audited_accounts", accounts):
        newest = await page(session, row["id"], limit=entries)
        checked += len(newest)
        if (number := broken_at(row["id"], newest)) is not None:
            broken.append(f"entry {number} of {row['email']}")
    return checked, broken


async def _chain(session: Session, account: UUID, email: str) -> Chain:
    read, link, broken = 0, None, None
    while broken is None:
        rows = await fetch(session, "audit_entries_after", account, read, READ_AT_ONCE)
        if link is None:  # read after the entries: what was deleted meanwhile is skipped
            link = await _pruned(session, account)
        for entry in map(_entry, rows):
            if entry.number > link.number:
                if not _fits(account, link, entry):
                    broken = entry.number
                    break
                link = Link(entry.number, entry.digest)
        if len(rows) < READ_AT_ONCE:
            break
        read = rows[-1]["number"]
    link = link or Link()
    return Chain(ids.to_text(ids.ACCOUNT, account), email, link.number, link.digest.hex(), broken)


async def _pruned(session: Session, account: UUID) -> Link:
    """Return the newest entry that was deleted because it was old; the beginning if there is none."""
    row = await fetch_one(session, "audit_pruned", account)
    return Link() if row is None else Link(row["number"], row["digest"])


def broken_at(account: UUID, entries: Sequence[ChainedEntry]) -> int | None:
    """Return the number of an audit log's entry that was changed or has no predecessor; None if all are intact.

    ``entries`` are newest first; the oldest one is trusted only if it is the account's first.
    """
    for place, entry in enumerate(entries):
        if place + 1 < len(entries):
            previous = Link(entries[place + 1].number, entries[place + 1].digest)
        elif entry.number == 1:
            previous = Link()
        else:
            break
        if not _fits(account, previous, entry):
            return entry.number
    return None


def _fits(account: UUID, previous: Link, entry: ChainedEntry) -> bool:
    """Return whether an entry is unchanged and directly follows the previous one."""
    plain = Entry(**{name: getattr(entry, name) for name in Entry.__struct_fields__})
    return entry.number == previous.number + 1 and digest(previous.digest, account.hex, plain) == entry.digest


def _entry(row: Record) -> ChainedEntry:
    return ChainedEntry(
        number=row["number"],
        at=microseconds(row["at"]),
        actor=row["actor"],
        address=row["address"],
        action=row["action"],
        subject=row["subject"],
        changes=_changes(row["changes"]),
        digest=row["digest"],
    )


def _changes(text: str) -> Changes:
    """Return the recorded changes; another form was not written by us, which the digest shows."""
    try:
        return msgspec.json.decode(text, type=Changes)
    except msgspec.ValidationError:
        return {}


def microseconds(at: datetime) -> int:
    """Return a time as entries of the audit log have it: Unix microseconds."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
