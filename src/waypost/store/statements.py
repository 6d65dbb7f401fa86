"""Named SQL: each statement stands in a ``sql/*.sql`` file under ``-- name: <verb>`` and is counted when sent.

The embedded build of PostgreSQL has no pg_stat_statements, so the driver's side is where statements are counted;
BEGIN, COMMIT and COPY count as well.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any, Final

import msgspec
from asyncpg import (
    Connection,
    DeadlockDetectedError,
    InterfaceError,
    PostgresConnectionError,
    Record,
    SerializationError,
)
from asyncpg.exceptions import OperatorInterventionError, QueryCanceledError
from asyncpg.pool import PoolConnectionProxy


class Unreachable(ConnectionError):  # noqa: N818 - reads as what is wrong
    """No connection to PostgreSQL can be made; the cause says why."""


Session = Connection | PoolConnectionProxy
"""A connection, from the pool or not."""

SENT: Final[Counter[str]] = Counter()
"""How many statements this process has sent, by name."""

REPEATABLE: Final = (DeadlockDetectedError, SerializationError)
"""What PostgreSQL answers to a transaction that may simply be run again."""

LOST: Final = (PostgresConnectionError, OperatorInterventionError, QueryCanceledError, InterfaceError, ConnectionError)
"""What is raised when PostgreSQL went away or stops: whether a commit that was under way took place is not known.

Whatever else keeps a connection from being made is raised as ``Unreachable``, which is a ConnectionError: an OSError
may as well come from a file that has nothing to do with PostgreSQL.
"""


class Copied(msgspec.Struct, frozen=True):
    """A table that records are appended to by COPY, and the columns of a record."""

    table: str
    columns: tuple[str, ...]


_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def named(script: str) -> list[tuple[str, str]]:
    """Return the names and texts of a script's statements, in their order."""
    _, *parts = _NAME.split(script)
    return [(name, text.strip()) for name, text in zip(parts[::2], parts[1::2], strict=True)]


def _load() -> dict[str, str]:
    texts: dict[str, str] = {}
    for file in sorted(resources.files(__package__).joinpath("sql").iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        for name, text in named(file.read_text(encoding="utf-8")):
            if name in texts:
                message = f"the statement {name!r} is in sql/*.sql twice"
                raise ValueError(message)
            texts[name] = text
    return texts


TEXTS: Final = _load()
"""Every named statement's text."""


async def fetch(session: Session, name: str, *arguments: object) -> list[Record]:
    """Run the named statement and give its rows."""
    SENT[name] += 1
    return await session.fetch(TEXTS[name], *arguments)


async def fetch_one(session: Session, name: str, *arguments: object) -> Record | None:
    """Run the named statement and give its first row, or None."""
    SENT[name] += 1
    return await session.fetchrow(TEXTS[name], *arguments)


async def execute(session: Session, name: str, *arguments: object) -> None:
    """Run the named statement for its effect."""
    SENT[name] += 1
    await session.execute(TEXTS[name], *arguments)


async def copy(session: Session, copied: Copied, records: Iterable[Sequence[Any]]) -> None:
    """Append records to a table by COPY."""
    SENT[f"copy_{copied.table}"] += 1
    await session.copy_records_to_table(copied.table, columns=copied.columns, records=records)


@asynccontextmanager
async def transaction(session: Session) -> AsyncIterator[None]:
    """Run what is inside in one transaction: all of it or nothing."""
    SENT["begin"] += 1
    SENT["commit"] += 1
    async with session.transaction():
        yield
