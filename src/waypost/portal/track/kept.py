"""A cache of rendered tracking pages, so that many readers of one parcel cost as much as one."""

from collections import OrderedDict
from typing import Final

MOST_BYTES: Final = 16 << 20

PageKey = tuple[bytes, str, bool, str, str]
"""The digest of the parcel's state, the language, whether it is embedded, the shop's name and its colour."""


class KeptPages:
    """The most recently requested pages, up to a number of bytes."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pages: OrderedDict[PageKey, str] = OrderedDict()

    def get(self, key: PageKey) -> str | None:
        """Return a page's HTML, or None if it has to be rendered."""
        page = self._pages.get(key)
        if page is not None:
            self._pages.move_to_end(key)
        return page

    def keep(self, key: PageKey, page: str) -> None:
        """Cache a page's HTML and evict the least recently requested pages."""
        self._forget(key)
        self._pages[key] = page
        self._bytes += _size(page)
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._pages)))

    def _forget(self, key: PageKey) -> None:
        page = self._pages.pop(key, None)
        if page is not None:
            self._bytes -= _size(page)


def _size(page: str) -> int:
    return 4 * len(page)  # an upper bound: the exact size costs a copy
