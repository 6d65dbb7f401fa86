"""Paginated lists, newest first."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")
S = TypeVar("S")


class Page(msgspec.Struct, frozen=True):
    """The requested page: at most ``limit`` rows with ids smaller than ``before``."""

    limit: int
    before: UUID | None


class Listed(msgspec.Struct, Generic[S], frozen=True):
    """A page of a list. ``next_cursor`` is null on the last page."""

    items: Sequence[S]
    next_cursor: str | None


def listed(rows: Sequence[T], page: Page, cursor: Callable[[T], str], show: Callable[[T], S]) -> Listed[S]:
    """Return the page from its rows and, if there are more rows, one further row."""
    shown = rows[: page.limit]
    return Listed([show(row) for row in shown], cursor(shown[-1]) if len(rows) > page.limit else None)
