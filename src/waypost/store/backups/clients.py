"""Runs pg_dump and pg_restore on a database, so that its password is in no list of processes."""

import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from waypost.store.backups.background import READING
from waypost.store.backups.manifest import BackupError
from waypost.store.embedded.errors import EmbeddedPostgresError
from waypost.store.embedded.folder import DatabaseUser
from waypost.store.embedded.process import read_program, run_program
from waypost.store.embedded.programs import wheel_programs

Read = TypeVar("Read")
_FROM_CALLER: Final = re.compile(r"PG(PASSWORD|PASSFILE|SSL[A-Z]+)")
"""Variables of the caller that a database URL may rely on; asyncpg reads the same."""


def find_clients(pg_bin: Path | None) -> Path:
    """Return the folder of pg_dump and pg_restore: `pg_bin`, otherwise the wheel's, otherwise the system's.

    Raise BackupError if there is none.
    """
    places = [pg_bin, wheel_programs(), _on_path()]
    place = next((place for place in places if place is not None), None)
    if place is None or not all((place / name).is_file() for name in ("pg_dump", "pg_restore")):
        where = "found" if place is None else f"in {place}"
        raise BackupError(
            f"There is no pg_dump and pg_restore {where}: install PostgreSQL's client programs, and set WAYPOST_PG_BIN"
            " to their folder."
        )
    return place


async def run_client(program: Path, url: str, options: Sequence[str | Path], *, name: str) -> None:
    """Run a client program on the database of a URL; ``name`` is its session's. Raise BackupError with its reason."""
    command, environment = _call(program, url, options, name)
    try:
        await run_program(command, folder=Path("/"), user=_ourselves(), environment=environment)
    except EmbeddedPostgresError as error:
        raise BackupError(f"{error}.") from None


async def read_client(
    program: Path, url: str, options: Sequence[str | Path], read: Callable[[int], Read], *, name: str
) -> Read:
    """Run a client program as ``run_client`` does, and return what ``read`` makes of its output, in a thread."""
    command, environment = _call(program, url, options, name)
    try:
        return await read_program(
            command, read, folder=Path("/"), user=_ourselves(), environment=environment, session=READING
        )
    except EmbeddedPostgresError as error:
        raise BackupError(f"{error}.") from None


def _call(program: Path, url: str, options: Sequence[str | Path], name: str) -> tuple[list[str | Path], dict[str, str]]:
    """Return the command and what is added to its environment."""
    place, password = without_password(url)
    environment = {name: value for name, value in os.environ.items() if _FROM_CALLER.fullmatch(name)}
    if password is not None:
        environment["PGPASSWORD"] = password
    environment["PGAPPNAME"] = name
    return [program, f"--dbname={place}", "--no-password", *options], environment


def _ourselves() -> DatabaseUser:
    return DatabaseUser(os.geteuid(), os.getegid(), None)


def without_password(url: str) -> tuple[str, str | None]:
    """Return a URL as libpq takes it, and its password apart; several hosts imply one that accepts writes."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = dict(parse_qsl(parts.query))
    inner = query.pop("password", None)
    if "," in hosts:
        query.setdefault("target_session_attrs", "read-write")
    place = urlunsplit(("postgresql", f"{user}{at}{hosts}", parts.path or "/", urlencode(query, quote_via=quote), ""))
    # With no host and no path, urlunsplit leaves out the two slashes that libpq wants.
    place = place if place.startswith("postgresql://") else place.replace("postgresql:", "postgresql://", 1)
    return place, unquote(password) if password else inner


def _on_path() -> Path | None:
    found = shutil.which("pg_dump")
    return None if found is None else Path(os.path.realpath(found)).parent
