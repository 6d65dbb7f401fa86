"""Database drivers that are asked what dispatching asks, again and again; each time it is rolled back.

``python -m benchmarks.rivals.drivers NAME URL FILE TIMES`` prints one JSON object. FILE holds what ``recording`` has
recorded. Statements are prepared once, as in the pools, and every row of a result is read.
"""

import importlib
import json
import pickle
import sys
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg
import uvloop

from benchmarks.rivals.recording import COPY, Asked
from waypost.store.database import ENGINE_SETTINGS

Statement = tuple[str, Sequence[Any]]
_WARM_UP: Final = 5


class Driver(Protocol):
    """One session, its statements and its COPY."""

    async def connect(self, url: str) -> None: ...
    async def group(self, statements: Sequence[Statement]) -> None:
        """Run statements one after the other, and read their rows; those with arguments are prepared."""

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[Sequence[Any]]) -> None:
        """Append records to a table."""


class Asyncpg:
    """What Waypost uses, as it uses it."""

    async def connect(self, url: str) -> None:
        self._session = await asyncpg.connect(url, server_settings=ENGINE_SETTINGS)

    async def group(self, statements: Sequence[Statement]) -> None:
        for text, arguments in statements:
            if arguments:
                [tuple(row) for row in await self._session.fetch(text, *arguments)]
            else:
                await self._session.execute(text)

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[Sequence[Any]]) -> None:
        await self._session.copy_records_to_table(table, columns=columns, records=records)


class Psycopg:
    """psycopg 3 with its C part: numbered parameters, binary results, binary COPY."""

    async def connect(self, url: str) -> None:
        library: Any = importlib.import_module("psycopg")
        options = " ".join(f"-c {name}={value}" for name, value in ENGINE_SETTINGS.items())
        self._session = await library.AsyncConnection.connect(
            url, options=options, autocommit=True, cursor_factory=library.AsyncRawCursor, prepare_threshold=0
        )
        self._kinds: dict[str, list[int]] = {}

    async def group(self, statements: Sequence[Statement]) -> None:
        for text, arguments in statements:
            async with self._session.cursor(binary=True) as cursor:
                await cursor.execute(text, arguments)
                if arguments:
                    await cursor.fetchall()

    async def copy(self, table: str, columns: Sequence[str], records: Sequence[Sequence[Any]]) -> None:
        names = ", ".join(columns)
        if table not in self._kinds:
            async with self._session.cursor() as cursor:
                await cursor.execute(f"select {names} from {table} limit 0")  # noqa: S608 - names that are recorded
                self._kinds[table] = [column.type_code for column in cursor.description]
        async with (
            self._session.cursor() as cursor,
            cursor.copy(f"copy {table} ({names}) from stdin (format binary)") as copied,
        ):
            copied.set_types(self._kinds[table])
            for record in records:
                await copied.write_row(record)


class PsycopgPipelined(Psycopg):
    """The same with each group of statements in one pipeline. The engine can't use as much: it reads in between."""

    async def group(self, statements: Sequence[Statement]) -> None:
        async with self._session.pipeline():
            cursors = []
            for text, arguments in statements:
                cursors.append(cursor := self._session.cursor(binary=True))
                await cursor.execute(text, arguments)
            for cursor, (_, arguments) in zip(cursors, statements, strict=True):
                if arguments:
                    await cursor.fetchall()


DRIVERS: Final[dict[str, type[Driver]]] = {
    "asyncpg": Asyncpg,
    "psycopg": Psycopg,
    "psycopg_pipelined": PsycopgPipelined,
}


async def measure(name: str, url: str, asked: Sequence[Asked], times: int) -> dict[str, float]:
    """Return the microseconds of this process's processor for each part of the work, and in all."""
    driver: Driver = DRIVERS[name]()
    await driver.connect(url)
    await _work(driver, asked, _WARM_UP, {})
    used: dict[str, float] = {}
    began = time.perf_counter()
    await _work(driver, asked, times, used)
    seconds = time.perf_counter() - began
    return {kind: 1e6 * spent / times for kind, spent in used.items()} | {"of the clock": 1e6 * seconds / times}


async def _work(driver: Driver, asked: Sequence[Asked], times: int, used: dict[str, float]) -> None:
    groups = {
        kind: [(text, arguments) for one, text, arguments in asked if one == kind] for kind in ("claim", "settle")
    }
    groups["claim"].insert(0, ("begin", ()))
    copies = [(table, *arguments) for kind, table, arguments in asked if kind == COPY]
    for _ in range(times):
        for kind, statements in groups.items():
            await _measured(driver.group(statements), used, kind)
        for copied in copies:
            await _measured(driver.copy(*copied), used, COPY)
        await driver.group([("rollback", ())])


async def _measured(doing: Awaitable[None], used: dict[str, float], kind: str) -> None:
    before = time.process_time()
    await doing
    spent = time.process_time() - before
    for name in (kind, "all"):
        used[name] = used.get(name, 0.0) + spent


if __name__ == "__main__":
    recorded = pickle.loads(Path(sys.argv[3]).read_bytes())  # noqa: S301 - this program has written it
    print(json.dumps(uvloop.run(measure(sys.argv[1], sys.argv[2], recorded, int(sys.argv[4])))))
