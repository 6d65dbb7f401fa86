"""Codes and texts of scans that nobody understood, by account, with how often each was seen."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from waypost.store.statements import Session, execute, fetch

MOST_OF_AN_ACCOUNT: Final = 200
"""The most frequent ones are kept; among equally frequent ones the latest."""


class UnreadKey(NamedTuple):
    """A code and a text that a source gave an account; the code is empty if there was none."""

    account: UUID
    source: str
    code: str
    text: str


class UnreadRow(msgspec.Struct, frozen=True):
    """A code and a text, how often they came, and when first and last."""

    source: str
    code: str
    text: str
    seen: int
    first_at: datetime
    last_at: datetime


async def add(session: Session, seen: Mapping[UnreadKey, int], *, most: int = MOST_OF_AN_ACCOUNT) -> None:
    """Add to what was seen, and delete what an account has beyond ``most``."""
    keys = sorted(seen)  # everybody takes the locks in this order
    columns = [list(column) for column in zip(*keys, strict=True)]
    await execute(session, "add_unread", *columns, [seen[key] for key in keys])
    await execute(session, "trim_unread", sorted({key.account for key in keys}), most)


async def of_account(session: Session, account: UUID) -> list[UnreadRow]:
    """Return what an account has, the most frequent first."""
    return [UnreadRow(**row) for row in await fetch(session, "unread_of", account)]


async def forget(session: Session, account: UUID) -> None:
    """Delete what an account has."""
    await execute(session, "forget_unread", account)
