"""Where pages by number end, for those who walk through a list: the next one is read from there, not counted off again.

What is registered or deleted in between moves nothing: nobody sees a parcel twice, or misses one, for that.
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
    """A page of an account's list, by its number from 1 on."""

    account: UUID
    wanted: Filter
    limit: int
    number: int


class PageEnds:
    """Remembers the last parcel of each page that was read lately, in this process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: OrderedDict[ListPage, tuple[float, UUID]] = OrderedDict()

    def before(self, page: ListPage) -> UUID | None:
        """Give the last parcel of the page before; None where it is not known."""
        until, last = self._ends.get(msgspec.structs.replace(page, number=page.number - 1), (0.0, None))
        return last if until > self._clock() else None

    def note(self, page: ListPage, last: UUID) -> None:
        """Remember the last parcel of a page."""
        self._ends[page] = self._clock() + KEPT_SECONDS, last
        self._ends.move_to_end(page)
        while len(self._ends) > REMEMBERED:
            self._ends.popitem(last=False)
