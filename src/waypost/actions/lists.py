"""Lists in pages, newest first: which rows are wanted, and what is answered."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")
S = TypeVar("S")


class Page(msgspec.Struct, frozen=True):
    """Which rows are wanted: at most ``limit``, those with smaller ids than ``before``."""

    limit: int
    before: UUID | None


class Listed(msgspec.Struct, Generic[S], frozen=True):
    """A list's answer."""

    items: Sequence[S]
    next_cursor: str | None


def listed(rows: Sequence[T], page: Page, cursor: Callable[[T], str], show: Callable[[T], S]) -> Listed[S]:
    """Give the answer from rows of which one more than ``limit`` was read, to know whether there are more."""
    shown = rows[: page.limit]
    return Listed([show(row) for row in shown], cursor(shown[-1]) if len(rows) > page.limit else None)
