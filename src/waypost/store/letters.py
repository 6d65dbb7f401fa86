"""Letters that were not delivered, read."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.letters import LetterState, Purpose
from waypost.domain.times import from_ms
from waypost.store.intake_rows import now
from waypost.store.statements import Session, fetch

SHOWN_FOR: Final = timedelta(days=7)


class UndeliveredLetter(msgspec.Struct, frozen=True):
    """A letter that is retried, or was given up; ``answer`` is the last response or error."""

    id: UUID
    purpose: Purpose
    address: str
    state: LetterState
    tries: int
    next_at: datetime
    settled_at: datetime | None
    answer: str | None


async def undelivered(session: Session, account: UUID, *, user: UUID | None = None) -> list[UndeliveredLetter]:
    """Return the letters of an account, or of one of its users, that were not accepted within a week, newest first."""
    since = ids.first_at(from_ms(await now(session)) - SHOWN_FOR)
    rows = await fetch(session, "undelivered_letters", account, user, since)
    return [
        UndeliveredLetter(**{**row, "purpose": Purpose(row["purpose"]), "state": LetterState(row["state"])})
        for row in rows
    ]
