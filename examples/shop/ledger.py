"""What the shop keeps, in one SQLite file: its parcels as they are now, and every webhook that ever arrived."""

import json
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any

_TABLES = """
create table if not exists parcels (tracking_number primary key, tracking_id, sequence, data);
create table if not exists webhooks (id, verdict, tracking_number, status, sequence,
                                     at default (strftime('%Y-%m-%dT%H:%M:%fZ')));
create unique index if not exists kept_once on webhooks (id) where verdict = 'kept';
"""
_NOTE = "insert or ignore into webhooks (id, verdict, tracking_number, status, sequence) values (?, ?, ?, ?, ?)"
# A webhook that was recovered may come after its successors: only a newer one changes the parcel. A parcel that was
# deleted and registered anew counts from 1 again, under an id that sorts after the old one.
_SHOW = """
insert into parcels values (?, ?, ?, ?) on conflict (tracking_number) do update
set tracking_id = excluded.tracking_id, sequence = excluded.sequence, data = excluded.data
where (excluded.tracking_id, excluded.sequence) > (parcels.tracking_id, parcels.sequence)
"""
_FORGET = "delete from webhooks where verdict = 'refused' and rowid <= last_insert_rowid() - 10000"


class Ledger:
    """The shop's memory: what a method wrote is on the disk when it returns. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(_TABLES)
        self._turn = Lock()

    def keep(self, webhook_id: str, sequence: int, parcel: dict[str, Any]) -> None:
        """Keep a verified webhook once: its id stays the same over all tries, so a second arrival is only noted."""
        number, about = parcel["tracking_number"], (parcel["tracking_number"], parcel["delivery_status"], sequence)
        with self._turn, self._database as database:  # commits on leaving
            if database.execute(_NOTE, (webhook_id, "kept", *about)).rowcount:
                database.execute(_SHOW, (number, parcel["id"], sequence, json.dumps(parcel)))
            else:
                database.execute(_NOTE, (webhook_id, "duplicate", *about))

    def refuse(self, webhook_id: str) -> None:
        """Note a refused webhook, of which nothing else is believed; of very many only the last are remembered."""
        with self._turn, self._database as database:
            database.execute(_NOTE, (webhook_id[:64], "refused", None, None, None))
            database.execute(_FORGET)

    def webhooks(self) -> list[dict[str, Any]]:
        """List every webhook in the order of arrival."""
        with self._turn:
            rows = self._database.execute("select * from webhooks order by rowid")
            return [{**row, "verified": row["verdict"] != "refused"} for row in rows]

    def parcels(self) -> dict[str, dict[str, Any]]:
        """Give every parcel as it is now, by its number."""
        with self._turn:
            rows = self._database.execute("select * from parcels order by tracking_number")
            return {row["tracking_number"]: json.loads(row["data"]) for row in rows}
