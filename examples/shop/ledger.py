"""The shop's data in one SQLite file: each parcel's latest state, and the result of each webhook."""

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from examples.shop.mail import Outbox
from waypost.receiver import Deduplicator, LatestState, SqliteSeen, SqliteStates, TrackingEvent

_ENDPOINT = "the little shop"  # with two endpoints, include the endpoint: an event has the same id at both
_COLUMNS = "id, verdict, tracking_number, status, sequence, at default (strftime('%Y-%m-%dT%H:%M:%fZ'))"
_NOTE = "insert into webhooks (id, verdict, tracking_number, status, sequence) values (?, ?, ?, ?, ?)"
_FORGET = "delete from webhooks where verdict = 'refused' and rowid <= last_insert_rowid() - 10000"


class Ledger:
    """The shop's data. Methods return when their writes are on disk. Threads can share it."""

    def __init__(self, path: Path, outbox: Outbox) -> None:
        self._outbox = outbox
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.execute(f"create table if not exists webhooks ({_COLUMNS})")
        self._deduplicator = Deduplicator(SqliteSeen(self._database))
        self._states = SqliteStates(self._database)
        self._latest = LatestState(self._states)
        self._turn = Lock()

    def keep(self, event: TrackingEvent, url: str) -> None:
        """Process an event once, in one transaction. Only news changes the parcel and is sent to the customer."""
        with self._turn, self._database, self._deduplicator.once(_ENDPOINT, event.id) as first:
            about = (event.tracking_number, event.status, event.sequence)
            self._database.execute(_NOTE, (event.id, "kept" if first else "duplicate", *about))
            if first and self._latest.take(event):
                self._outbox.tell(event, f"{url}/track/{quote(event.tracking_number, safe='')}")

    def refuse(self, webhook_id: str) -> None:
        """Record a rejected webhook, whose content is not trusted; only the latest are kept."""
        with self._turn, self._database as database:
            database.execute(_NOTE, (webhook_id[:64], "refused", None, None, None))
            database.execute(_FORGET)

    def webhooks(self) -> list[dict[str, Any]]:
        """List the webhooks in the order of arrival."""
        with self._turn:
            rows = self._database.execute("select * from webhooks order by rowid")
            return [{**row, "verified": row["verdict"] != "refused"} for row in rows]

    def parcels(self) -> list[TrackingEvent]:
        """List the current parcels; for a number that was registered again, the newer one."""
        with self._turn:
            return list({event.tracking_number: event for event in self._states.every()}.values())

    def parcel(self, number: str) -> TrackingEvent | None:
        """Return one current parcel."""
        with self._turn:
            return self._latest.find(number)
