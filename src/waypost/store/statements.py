"""Named SQL: each statement is in a ``sql/*.sql`` file under ``-- name: <verb>`` and is counted when sent.

The embedded build of PostgreSQL has no pg_stat_statements, so statements are counted on the driver's side, including
BEGIN, COMMIT and COPY.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import resources
from typing import Any, Final

import msgspec
from asyncpg import Connection, InterfaceError, Record
from asyncpg.pool import PoolConnectionProxy

from waypost.store.array_parameters import cast_positions, declared, sent
from waypost.store.trouble import TimedOut

Session = Connection | PoolConnectionProxy
"""A connection, from the pool or not."""

SENT: Final[Counter[str]] = Counter()
"""How many statements this process has sent, by name."""


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


_WRITTEN: Final = _load()
_CAST: Final = {name: cast_positions(text) for name, text in _WRITTEN.items()}
TEXTS: Final = {name: declared(text) for name, text in _WRITTEN.items()}
"""The text of every named statement, as it is sent."""


def bound(name: str, *arguments: object) -> Sequence[object]:
    """Return the arguments of a named statement as they are sent."""
    return sent(arguments, positions) if (positions := _CAST[name]) else arguments


async def fetch(session: Session, name: str, *arguments: object) -> list[Record]:
    """Run the named statement and return its rows."""
    SENT[name] += 1
    with _ending_with_its_time(session):
        return await session.fetch(TEXTS[name], *bound(name, *arguments))


async def fetch_one(session: Session, name: str, *arguments: object) -> Record | None:
    """Run the named statement and return its first row, or None."""
    SENT[name] += 1
    with _ending_with_its_time(session):
        return await session.fetchrow(TEXTS[name], *bound(name, *arguments))


async def execute(session: Session, name: str, *arguments: object) -> None:
    """Run the named statement for its effect."""
    SENT[name] += 1
    with _ending_with_its_time(session):
        await session.execute(TEXTS[name], *bound(name, *arguments))


async def copy(session: Session, copied: Copied, records: Iterable[Sequence[Any]]) -> None:
    """Append records to a table by COPY."""
    SENT[f"copy_{copied.table}"] += 1
    with _ending_with_its_time(session):
        await session.copy_records_to_table(copied.table, columns=copied.columns, records=records)


@asynccontextmanager
async def transaction(session: Session) -> AsyncIterator[None]:
    """Run the block in one transaction: all or nothing."""
    SENT["begin"] += 1
    SENT["commit"] += 1
    with _ending_with_its_time(session):
        async with session.transaction():
            yield


@contextmanager
def _ending_with_its_time(session: Session) -> Iterator[None]:
    """Terminate a connection on which something took too long: whatever follows, even a rollback, would wait too."""
    try:
        yield
    except TimeoutError as error:
        break_off(session)
        raise TimedOut("a statement had no answer in time") from error


def is_gone(session: Session) -> bool:
    """Return whether a session was lost or given back: then nothing can be asked of it, not even that."""
    try:
        return bool(session.is_closed())
    except InterfaceError:  # its pool has taken it back
        return True


async def until_gone(session: Session) -> None:
    """Return as soon as a session's connection is known to be closed; nothing is sent on it to find out."""
    gone = asyncio.Event()

    def note(_session: Session) -> None:
        gone.set()

    session.add_termination_listener(note)
    try:
        if not is_gone(session):
            await gone.wait()
    finally:
        if not is_gone(session):
            session.remove_termination_listener(note)


def break_off(session: Session) -> None:
    """Close a session's connection at once, without the protocol's farewell."""
    with suppress(InterfaceError):  # it has ended
        session.terminate()
