"""Rows of letters, written: by what decides that mail is due, in the same transaction, and by what sends it."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.letters import Letter, LetterState, Purpose
from waypost.store.alert_changes import cut
from waypost.store.incidents import OPERATOR
from waypost.store.intake_rows import now
from waypost.store.statements import Session, execute, fetch, fetch_one
from waypost.store.vault import Vault


class ClaimedLetter(msgspec.Struct, frozen=True):
    """A leased letter. ``is_late``: what it is about has expired."""

    id: UUID
    account: UUID | None
    owner: UUID
    purpose: Purpose
    address: str
    sealed: bytes
    tries: int
    is_late: bool


async def insert_letter(
    session: Session, vault: Vault, letter: Letter, *, account: UUID | None, user: UUID | None, works_for: timedelta
) -> None:
    """Insert a letter, sealed, which is sent as soon as the caller's transaction is committed."""
    identifier = ids.make_id(await now(session), 0, secrets.randbits(62))
    sealed = _sealed(vault, letter, account, identifier)
    columns = (account, user, letter.purpose.value, letter.to, sealed, works_for)
    await execute(session, "insert_letter", identifier, *columns)


async def claim_letters(
    session: Session, most: int, *, lease: timedelta, busy: Collection[UUID]
) -> list[ClaimedLetter]:
    """Lease letters that are due, at most one of each owner, and none of the ``busy`` owners."""
    rows = await fetch(session, "claim_letters", most, lease, list(busy))
    return [ClaimedLetter(**{**row, "purpose": Purpose(row["purpose"])}) for row in rows]


async def update_letter_written(
    session: Session, vault: Vault, request: UUID, letter: Letter, *, account: UUID, user: UUID
) -> bool:
    """Put a letter in the place of the request that it answers. Return False if that was settled meanwhile."""
    sealed = _sealed(vault, letter, account, request)
    return await fetch_one(session, "update_letter_written", request, account, user, letter.to, sealed) is not None


async def update_letter_settled(session: Session, letter: UUID, state: LetterState, answer: str) -> None:
    """Write how a letter ended, and erase its text."""
    await execute(session, "update_letter_settled", letter, state.value, cut(answer))


async def update_letter_retried(session: Session, letter: UUID, seconds: float, answer: str) -> None:
    """Let a letter that was not accepted wait for a number of seconds."""
    await execute(session, "update_letter_retried", letter, timedelta(seconds=seconds), cut(answer))


async def delete_letter(session: Session, letter: UUID) -> None:
    """Delete a letter that nobody is to get."""
    await execute(session, "delete_letter", letter)


async def delete_old_letters(session: Session, before: datetime) -> int:
    """Delete some of the letters from before a time that are settled; return how many."""
    return len(await fetch(session, "delete_old_letters", ids.first_at(before)))


def opened(vault: Vault, claimed: ClaimedLetter) -> Letter:
    """Return the text of a letter. Raise WrongKey if it was sealed under another key."""
    text = vault.open_bytes(claimed.sealed, account=claimed.account or OPERATOR, owner=claimed.id)
    return msgspec.json.decode(text, type=Letter)


def _sealed(vault: Vault, letter: Letter, account: UUID | None, identifier: UUID) -> bytes:
    return vault.seal_bytes(msgspec.json.encode(letter), account=account or OPERATOR, owner=identifier)
