"""Where numbered pages end, so that clients that read page after page need no counting.

The next page starts after the last parcel of the previous one: parcels that are registered or deleted meanwhile do not
make a client miss others or see them twice.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec

from waypost.store.trackings import Filter

REMEMBERED: Final = 4096
KEPT_SECONDS: Final = 600.0


class ListPage(msgspec.Struct, frozen=True):
    """A page of an account's list; numbers start at 1."""

    account: UUID
    wanted: Filter
    limit: int
    number: int


class PageEnds:
    """Remembers the last parcel of each recently read page, in this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: OrderedDict[ListPage, tuple[float, UUID]] = OrderedDict()

    def before(self, page: ListPage) -> UUID | None:
        """Return the last parcel of the previous page; None if it is unknown."""
        until, last = self._ends.get(msgspec.structs.replace(page, number=page.number - 1), (0.0, None))
        return last if until > self._clock() else None

    def note(self, page: ListPage, last: UUID) -> None:
        """Remember the last parcel of a page."""
        self._ends[page] = self._clock() + KEPT_SECONDS, last
        self._ends.move_to_end(page)
        while len(self._ends) > REMEMBERED:
            self._ends.popitem(last=False)
