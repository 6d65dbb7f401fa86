"""Wakes requests in this process that wait for an account's next event."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID


class Arrivals:
    """A hint, not a guarantee: other processes write events too, and a written event may not be readable yet."""

    def __init__(self) -> None:
        self._listening: dict[UUID, set[asyncio.Event]] = {}
        self.ended = False

    def listeners(self, account: UUID) -> int:
        """Count a waiter for this account for the duration of the block."""
        return len(self._listening.get(account, ()))

    @contextmanager
    def listening(self, account: UUID) -> Iterator[asyncio.Event]:
        """Return an event that is set when the account has news, or when waiting has no point any more."""
        heard = asyncio.Event()
        listeners = self._listening.setdefault(account, set())
        listeners.add(heard)
        try:
            yield heard
        finally:
            listeners.discard(heard)
            if not listeners and self._listening.get(account) is listeners:
                del self._listening[account]

    def announce(self, accounts: Iterable[UUID]) -> None:
        """Wake the waiters of these accounts."""
        for account in accounts:
            for heard in self._listening.get(account, ()):
                heard.set()

    def end(self) -> None:
        """Wake all waiting requests: the server is stopping."""
        self.ended = True
        self.announce(list(self._listening))
