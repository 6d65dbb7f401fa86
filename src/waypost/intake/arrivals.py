"""Wakes those in this process who wait for an account's next event."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID


class Arrivals:
    """A hint, no truth: other processes write events too, and what was written may not be readable yet."""

    def __init__(self) -> None:
        self._listening: dict[UUID, set[asyncio.Event]] = {}
        self.ended = False

    def listeners(self, account: UUID) -> int:
        """Count who waits for this account."""
        return len(self._listening.get(account, ()))

    @contextmanager
    def listening(self, account: UUID) -> Iterator[asyncio.Event]:
        """Give what is set when the account has an event, or when nothing is to be waited for any more."""
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
        """Say that these accounts have events."""
        for account in accounts:
            for heard in self._listening.get(account, ()):
                heard.set()

    def end(self) -> None:
        """Let nobody wait any longer: the server stops."""
        self.ended = True
        self.announce(list(self._listening))
