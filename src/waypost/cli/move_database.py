"""``waypost move-database``: move an installation into another database."""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from waypost.app.moving import move, stay
from waypost.cli.answers import answer
from waypost.cli.options import AsJson, DatabaseUrl, DataDir, chosen, progress
from waypost.cli.terminal import counted
from waypost.domain.errors import InvalidInput
from waypost.settings import Settings


def move_database(
    *,
    to_database_url: Annotated[
        str | None, Parameter(help="Move into this PostgreSQL database, which must have no tables.")
    ] = None,
    to_data_dir: Annotated[
        Path | None, Parameter(help="Move into an embedded PostgreSQL in this new or empty directory.")
    ] = None,
    stay_here: Annotated[
        bool, Parameter(name="--stay", negative="", help="Move nothing: reopen a database that a move has closed.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Move an installation from its database (--data-dir or --database-url) into another one.

    Servers may keep running: they stop sending, and answer 503, so clients try again. Afterwards stop them and start
    them with the new database. The old one stays closed to writes, so nobody uses it by mistake.
    """
    old = chosen(data_dir=data_dir, database_url=database_url)
    if stay_here:
        asyncio.run(stay(old, progress))
        answer({"open": True}, "The database is open to writes again.", as_json=as_json)
        return
    if (to_database_url is None) == (to_data_dir is None):
        raise InvalidInput("to-database-url", "or --to-data-dir is needed, and only one of them")
    new = _new(to_database_url, to_data_dir)
    made = asyncio.run(move(old, new, progress))
    parcels, events = made.rows.get("tracking", 0), made.rows.get("event", 0)
    moved = f"Moved {counted(parcels, 'parcel')} and {counted(events, 'event')}."
    answer({"rows": made.rows}, moved, as_json=as_json)
    if not as_json:
        _tell(old, new)


def _new(database_url: str | None, data_dir: Path | None) -> Settings:
    new = chosen(database_url=database_url, data_dir=data_dir)
    return new if data_dir is None else new.model_copy(update={"database_url": None})


def _tell(old: Settings, new: Settings) -> None:
    if new.database_url is None:
        progress(f"Restart the servers with --data-dir {new.data_dir}.")
    elif old.database_url is None and old.secret_key is None:
        key = old.data_dir / "secret.key"
        progress(f"Restart the servers with the new database URL, and with WAYPOST_SECRET_KEY from {key}.")
    else:
        progress("Restart the servers with the new database URL.")
