"""Codes and texts of scans that nobody understood, by account, with how often each was seen."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.statements import Session, fetch

MOST_OF_AN_ACCOUNT: Final = 200
"""The most frequent ones are kept; among equally frequent ones the latest."""


class UnreadRow(msgspec.Struct, frozen=True):
    """The row of an unread code and text: how often they came, and when first and last."""

    source: str
    code: str
    text: str
    seen: int
    first_at: datetime
    last_at: datetime


async def of_account(session: Session, account: UUID) -> list[UnreadRow]:
    """Return the rows of an account's unread scans, the most frequent first."""
    return [UnreadRow(**row) for row in await fetch(session, "unread_of", account)]
