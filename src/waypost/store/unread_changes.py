"""Rows of unread scans, written: counted by intake, deleted when a person clears the list."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from waypost.store.statements import Session, execute
from waypost.store.unread import MOST_OF_AN_ACCOUNT


class UnreadKey(NamedTuple):
    """A code and a text that a source gave an account; the code is empty if there was none."""

    account: UUID
    source: str
    code: str
    text: str


async def count_unread(session: Session, seen: Mapping[UnreadKey, int], *, most: int = MOST_OF_AN_ACCOUNT) -> None:
    """Add to the counts of unread scans, and delete the rows that an account has beyond ``most``."""
    keys = sorted(seen)  # everybody takes the locks in this order
    columns = [list(column) for column in zip(*keys, strict=True)]
    await execute(session, "count_unread", *columns, [seen[key] for key in keys])
    await execute(session, "trim_unread", sorted({key.account for key in keys}), most)


async def delete_unread(session: Session, account: UUID) -> None:
    """Delete the rows of an account's unread scans."""
    await execute(session, "delete_unread", account)
