"""Admission to work that takes a core and much memory: few requests from one address, and not many in total."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from waypost.portal.networks import TooMany, networks_of

AGAIN_SECONDS: Final = 5.0


class Gone(Exception):
    """The visitor went away while waiting for a password check."""


class WaitingRoom:
    """Admits ``at_once`` requests; ``in_all`` more can wait, and one address can have ``of_address`` in the room."""

    def __init__(self, *, at_once: int, of_address: int, in_all: int) -> None:
        self._working = asyncio.Semaphore(at_once)
        self._of_address = of_address
        self._most = at_once + in_all
        self._here = 0
        self._from: Counter[str] = Counter()

    @property
    def here(self) -> int:
        """Return how many requests wait or work."""
        return self._here

    def check(self, address: str, *, known: bool = False) -> None:
        """Raise TooMany if the room is too full for a request of this address.

        A ``known`` visitor is admitted even if the room is full, so that a crowd of strangers locks no user out.
        """
        of_address = any(self._from[network] >= self._of_address * shares for network, shares in networks_of(address))
        if of_address or (self._here >= self._most and not known):
            raise TooMany(AGAIN_SECONDS)

    @asynccontextmanager
    async def turn(
        self, address: str, *, known: bool = False, gone: Callable[[], Awaitable[None]] | None = None
    ) -> AsyncIterator[None]:
        """Wait for a turn and hold it. Raise TooMany immediately, as ``check`` does.

        ``gone`` returns when the visitor has gone: then its place is given back, and Gone is raised. A turn that has
        begun is not interrupted.
        """
        self.check(address, known=known)
        names = [network for network, _ in networks_of(address)]
        self._here += 1
        self._from.update(names)
        try:
            await self._take_turn(gone)
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._here -= 1
            self._from.subtract(names)
            for name in names:
                if not self._from[name]:
                    del self._from[name]

    async def _take_turn(self, gone: Callable[[], Awaitable[None]] | None) -> None:
        if gone is None or not self._working.locked():
            await self._working.acquire()
            return
        turn, leaving = asyncio.ensure_future(self._working.acquire()), asyncio.ensure_future(gone())
        try:
            await asyncio.wait((turn, leaving), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            if not turn.cancel():
                self._working.release()
            raise
        finally:
            leaving.cancel()
        if turn.cancel():  # it had not begun
            raise Gone
