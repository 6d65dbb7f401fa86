"""Handles each webhook once: its id is the same over all attempts, so a known id is a duplicate."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final, Protocol

from waypost.receiver.errors import InProgressError

KEPT_DAYS: Final = 30
"""As long as Waypost keeps an event and may send it again."""

_FORGET_EVERY_SECONDS: Final = 3600


class Seen(Protocol):
    """Remembers pairs of endpoint and webhook id. May be called from several threads."""

    def add(self, endpoint: str, webhook_id: str, now: float) -> bool:
        """Add a pair with the time in Unix seconds. Return False, and change nothing, if it is known."""

    def remove(self, endpoint: str, webhook_id: str) -> None:
        """Forget one pair."""

    def forget(self, before: float) -> None:
        """Forget the pairs added before a time."""


class MemorySeen:
    """Remembers as long as the process lives, so a restart makes duplicates possible."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], float] = {}
        self._turn = Lock()

    def add(self, endpoint: str, webhook_id: str, now: float) -> bool:
        """Add a pair; see ``Seen``."""
        with self._turn:
            is_new = (endpoint, webhook_id) not in self._noted
            self._noted.setdefault((endpoint, webhook_id), now)
            return is_new

    def remove(self, endpoint: str, webhook_id: str) -> None:
        """Forget one pair."""
        with self._turn:
            self._noted.pop((endpoint, webhook_id), None)

    def forget(self, before: float) -> None:
        """Forget the pairs added before a time."""
        with self._turn:
            self._noted = {pair: at for pair, at in self._noted.items() if at >= before}


class SqliteSeen:
    """Remembers in a table of an SQLite database and leaves the commit to the caller.

    So a webhook is recorded in the same transaction as its effects: after a crash either both are there or neither. The
    connection is the caller's, who must also ensure that threads take turns using it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(
            "create table if not exists waypost_seen (endpoint text not null, webhook_id text not null, "
            "at real not null, primary key (endpoint, webhook_id)) without rowid"
        )

    def add(self, endpoint: str, webhook_id: str, now: float) -> bool:
        """Add a pair; see ``Seen``."""
        done = self._connection.execute(
            "insert into waypost_seen values (?, ?, ?) on conflict do nothing", (endpoint, webhook_id, now)
        )
        return done.rowcount == 1

    def remove(self, endpoint: str, webhook_id: str) -> None:
        """Forget one pair."""
        self._connection.execute(
            "delete from waypost_seen where endpoint = ? and webhook_id = ?", (endpoint, webhook_id)
        )

    def forget(self, before: float) -> None:
        """Forget the pairs added before a time."""
        self._connection.execute("delete from waypost_seen where at < ?", (before,))


class Deduplicator:
    """Distinguishes a webhook that arrives for the first time from a repetition.

    The endpoint is part of the key: the same event is sent under the same id to every endpoint that wants it.
    """

    def __init__(self, seen: Seen, *, kept_days: int = KEPT_DAYS, clock: Callable[[], float] = time.time) -> None:
        self._seen = seen
        self._kept_seconds = kept_days * 86_400
        self._clock = clock
        self._forgotten_at = clock()
        self._at_work: set[tuple[str, str]] = set()
        self._turn = Lock()

    @contextmanager
    def once(self, endpoint: str, webhook_id: str) -> Iterator[bool]:
        """Yield True to the first caller with this id, and False to all later ones.

        If the block raises, the webhook counts as never seen, so that the next attempt is the first again. While the
        first caller is inside the block, others in this process get InProgressError: a 2xx to them would be taken as
        success of the first.
        """
        pair = (endpoint, webhook_id)
        with self._turn:
            if pair in self._at_work:
                raise InProgressError("This webhook is being processed right now.")
            self._at_work.add(pair)
        try:
            first = self._seen.add(endpoint, webhook_id, self._clock())
            try:
                yield first
            except BaseException:
                if first:
                    self._seen.remove(endpoint, webhook_id)
                raise
            self._forget()
        finally:
            with self._turn:
                self._at_work.discard(pair)

    def _forget(self) -> None:
        now = self._clock()
        with self._turn:
            if now - self._forgotten_at < _FORGET_EVERY_SECONDS:
                return
            self._forgotten_at = now
        self._seen.forget(now - self._kept_seconds)
