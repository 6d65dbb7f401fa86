"""The newest state of every parcel, even if webhooks arrive late or twice.

Each event carries the parcel's whole state, so the newest event is all you need: an event is kept if it is newer than
the one kept so far, otherwise it is history. Newer means a higher ``sequence`` or, from senders that do not count, a
later update.
"""

import json
import sqlite3
from collections.abc import Iterator
from threading import Lock
from typing import Final, Protocol

from waypost.receiver.events import TrackingEvent, make_event

Order = tuple[int, float, int]


class States(Protocol):
    """Keeps one event for each tracking id. May be called from several threads."""

    def put(self, event: TrackingEvent, order: Order) -> bool:
        """Keep an event if none, or an older one, is kept for its tracking. Compares and stores in one step."""

    def get(self, tracking_id: str) -> TrackingEvent | None:
        """Return what is kept for a tracking."""

    def find(self, tracking_number: str) -> list[TrackingEvent]:
        """Return what is kept for all trackings with this number."""


class MemoryStates:
    """Keeps events as long as the process lives."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Order, TrackingEvent]] = {}
        self._turn = Lock()

    def put(self, event: TrackingEvent, order: Order) -> bool:
        """Keep an event if it is newer; see ``States``."""
        with self._turn:
            before = self._kept.get(event.tracking_id)
            if before is not None and before[0] >= order:
                return False
            self._kept[event.tracking_id] = order, event
            return True

    def get(self, tracking_id: str) -> TrackingEvent | None:
        """Return what is kept for a tracking."""
        kept = self._kept.get(tracking_id)
        return None if kept is None else kept[1]

    def find(self, tracking_number: str) -> list[TrackingEvent]:
        """Return what is kept for all trackings with this number."""
        with self._turn:
            return [event for _, event in self._kept.values() if event.tracking_number == tracking_number]


_TABLE: Final = """
create table if not exists waypost_latest (
    tracking_id text primary key, tracking_number text not null, sequence integer not null, updated real not null,
    scans integer not null, version text not null, webhook_id text not null, data text not null) without rowid
"""
_INDEX: Final = "create index if not exists waypost_latest_number on waypost_latest (tracking_number)"
_PUT: Final = """
insert into waypost_latest as kept values (?, ?, ?, ?, ?, ?, ?, ?)
on conflict (tracking_id) do update
set tracking_number = excluded.tracking_number, sequence = excluded.sequence, updated = excluded.updated,
    scans = excluded.scans, version = excluded.version, webhook_id = excluded.webhook_id, data = excluded.data
where (excluded.sequence, excluded.updated, excluded.scans) > (kept.sequence, kept.updated, kept.scans)
"""
_COLUMNS: Final = "select version, data, webhook_id, sequence from waypost_latest "


class SqliteStates:
    """Keeps events in a table of an SQLite database and leaves the commit to the caller, as ``SqliteSeen`` does."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute(_TABLE)
        connection.execute(_INDEX)

    def put(self, event: TrackingEvent, order: Order) -> bool:
        """Keep an event if it is newer; see ``States``."""
        number, data = event.tracking_number, json.dumps(event.data)
        done = self._connection.execute(_PUT, (event.tracking_id, number, *order, event.version, event.id, data))
        return done.rowcount == 1

    def get(self, tracking_id: str) -> TrackingEvent | None:
        """Return what is kept for a tracking."""
        return next(self._events(_COLUMNS + "where tracking_id = ?", tracking_id), None)

    def find(self, tracking_number: str) -> list[TrackingEvent]:
        """Return what is kept for all trackings with this number."""
        return list(self._events(_COLUMNS + "where tracking_number = ?", tracking_number))

    def every(self) -> list[TrackingEvent]:
        """Return what is kept for all parcels, ordered by number."""
        return list(self._events(_COLUMNS + "order by tracking_number, tracking_id"))

    def _events(self, query: str, *arguments: str) -> Iterator[TrackingEvent]:
        for version, data, webhook_id, sequence in self._connection.execute(query, arguments):
            yield make_event(version, json.loads(data), webhook_id, sequence or None)


class LatestState:
    """Keeps the newest event of every parcel. Tests don't concern a real parcel and are ignored."""

    def __init__(self, states: States | None = None) -> None:
        self._states = MemoryStates() if states is None else states

    def take(self, event: TrackingEvent) -> bool:
        """Keep an event if it is news, and return whether it is: a duplicate or a late arrival is not."""
        return not event.test and self._states.put(event, _order(event))

    def get(self, tracking_id: str) -> TrackingEvent | None:
        """Return the newest event of a tracking."""
        return self._states.get(tracking_id)

    def find(self, tracking_number: str) -> TrackingEvent | None:
        """Return the newest event of a number; if the number was registered again, that of the latest registration."""
        return max(self._states.find(tracking_number), key=_registered, default=None)


def _order(event: TrackingEvent) -> Order:
    updated = 0.0 if event.updated_at is None else event.updated_at.timestamp()
    return event.sequence or 0, updated, 0 if event.sequence else len(event.checkpoints)


def _registered(event: TrackingEvent) -> tuple[float, str]:
    return 0.0 if event.created_at is None else event.created_at.timestamp(), event.tracking_id
