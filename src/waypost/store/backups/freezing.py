"""Closes a database to writes while it is moved elsewhere, for all who use it, and opens it again."""

from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg

from waypost.store.backups.manifest import BackupError
from waypost.store.statements import fetch

_WRITABLE: Final = {"default_transaction_read_only": "off"}
_CONNECT_SECONDS: Final = 10.0
_END_MILLISECONDS: Final = 10_000
"""How long a session may take to end."""


async def close_to_writes(url: str) -> None:
    """Make the database at ``url`` read-only and end all its other sessions; it stays so over restarts.

    A transaction that has not been committed then never will be. Raise BackupError if the user may not do that, or if a
    session does not end; then the database is as before.
    """
    session = await _connect(url)
    try:
        await session.execute(await _statement(session, "set default_transaction_read_only = on"))
        if not (await _end_others(session) or await _end_others(session)):
            await session.execute(await _statement(session, "reset default_transaction_read_only"))
            raise BackupError("A session of the database did not end: look at pg_stat_activity, then try again.")
    except asyncpg.InsufficientPrivilegeError as error:
        raise BackupError(f"The database user lacks the permission ({error}): use the owner of the database.") from None
    finally:
        await session.close()


async def _end_others(session: asyncpg.Connection) -> bool:
    """End all other sessions of the database; return False if one did not end, or was gone before it could be ended."""
    return all(row["ended"] for row in await fetch(session, "end_other_sessions", _END_MILLISECONDS))


async def open_to_writes(url: str) -> None:
    """Take back ``close_to_writes``. Raise BackupError if the database can't be reached."""
    session = await _connect(url)
    try:
        await session.execute(await _statement(session, "reset default_transaction_read_only"))
        await fetch(session, "end_other_sessions", _END_MILLISECONDS)  # those that are read-only
    finally:
        await session.close()


def despite_closing(url: str) -> str:
    """Return the URL for sessions that may read and write although the database is closed to writes."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -c default_transaction_read_only=off".strip()
    # Not put together again from its parts: a URL without a host would lose two of its slashes.
    return f"{url.partition('?')[0]}?{urlencode(query, quote_via=quote)}"


async def _connect(url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(url, server_settings=_WRITABLE, timeout=_CONNECT_SECONDS)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise BackupError(f"The database can't be reached ({type(error).__name__}): check that it runs.") from None


async def _statement(session: asyncpg.Connection, change: str) -> str:
    """Return the statement that changes this database; its name is quoted by the server."""
    return str(await session.fetchval("select format('alter database %I ', current_database()) || $1", change))
