"""A database on the test's clock: now() is found in a schema that comes before PostgreSQL's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import asyncpg

from tests.support.databases import named
from tests.support.embedded import ignore
from waypost.store import migrating, partitions
from waypost.store.database import ENGINE_SETTINGS, Database

EPOCH = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONGEST = timedelta(days=120)
DISPATCHERS = 3

# Migrations run under this search path too, so that the defaults of columns follow the clock.
_SEARCH_PATH = "sim, public, pg_catalog"
# PostgreSQL's own limits count real time, and would end the sessions of a run that is suspended for a while.
_UNLIMITED = {"transaction_timeout": "0", "idle_in_transaction_session_timeout": "0"}
_SCHEMA = """
create schema sim;
create function sim.now() returns timestamptz stable language sql
    as $$ select current_setting('sim.now')::timestamptz $$;
create function sim.clock_timestamp() returns timestamptz stable language sql
    as $$ select current_setting('sim.now')::timestamptz $$;
create function sim.pg_postmaster_start_time() returns timestamptz stable language sql
    as $$ select current_setting('sim.started')::timestamptz $$;
"""


class Crash(BaseException):
    """The process dies at this very point."""


@dataclass
class CommitFault:
    """What befalls the next commit: ``error`` is raised before it takes place, or after."""

    before: bool
    error: BaseException


@dataclass
class Clock:
    """The time that every session of a world believes in, and when its PostgreSQL was started."""

    now: datetime = EPOCH
    started: datetime = EPOCH - timedelta(days=1)
    fault: CommitFault | None = None


@dataclass
class VirtualSession:
    """A connection on virtual time, with what the named statements need of one."""

    connection: Any
    clock: Clock
    _at: tuple[datetime, datetime] | None = None

    async def fetch(self, text: str, *arguments: object) -> Any:
        await self._wind()
        return await self.connection.fetch(text, *arguments)

    async def fetchrow(self, text: str, *arguments: object) -> Any:
        await self._wind()
        return await self.connection.fetchrow(text, *arguments)

    async def fetchval(self, text: str, *arguments: object) -> Any:
        await self._wind()
        return await self.connection.fetchval(text, *arguments)

    async def execute(self, text: str, *arguments: object) -> Any:
        await self._wind()
        return await self.connection.execute(text, *arguments)

    async def copy_records_to_table(self, *arguments: Any, **named_ones: Any) -> Any:
        return await self.connection.copy_records_to_table(*arguments, **named_ones)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        await self._wind()
        fault: CommitFault | None = None
        async with self.connection.transaction():
            yield
            fault, self.clock.fault = self.clock.fault, None
            if fault is not None and fault.before:
                raise fault.error
        if fault is not None:
            raise fault.error

    async def die(self) -> None:
        """Lose what PostgreSQL takes from a session that ends."""
        await self.connection.execute("select pg_advisory_unlock_all()")

    async def _wind(self) -> None:
        at = (self.clock.now, self.clock.started)
        if self._at != at:
            await self.connection.execute(
                f"set sim.now to '{at[0].isoformat()}'; set sim.started to '{at[1].isoformat()}'"
            )
            self._at = at


@dataclass
class VirtualPool:
    """Lends the only session to one user at a time."""

    session: VirtualSession
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        async with self._turn:
            yield self.session


@dataclass
class VirtualServer:
    """The sessions of a simulation: one that works, and one for each dispatcher's life."""

    connections: list[Any]

    def sessions(self, clock: Clock) -> list[VirtualSession]:
        return [VirtualSession(connection, clock) for connection in self.connections]


def database_of(session: VirtualSession) -> Database:
    """Return the session in place of the engine's pools."""
    pool = VirtualPool(session)
    return cast("Database", SimpleNamespace(engine=pool, serving=pool))


@asynccontextmanager
async def virtual_server(dsn: str) -> AsyncIterator[VirtualServer]:
    """Make a database on virtual time, and drop it at the end."""
    name = f"simulation_{uuid4().hex}"
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"create database {name}")
    connections = [await _connect(named(dsn, name)) for _ in range(1 + DISPATCHERS)]
    await connections[0].execute(_SCHEMA)
    await migrating.migrate(connections[0], ignore)
    await _make_partitions(connections[0])
    try:
        yield VirtualServer(connections)
    finally:
        for connection in connections:
            await connection.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


async def _connect(dsn: str) -> Any:
    settings = {"search_path": _SEARCH_PATH, "timezone": "UTC", "synchronous_commit": "off"}
    moments = {"sim.now": EPOCH.isoformat(), "sim.started": EPOCH.isoformat()}
    return await asyncpg.connect(dsn, server_settings=ENGINE_SETTINGS | _UNLIMITED | settings | moments)


async def _make_partitions(connection: Any) -> None:
    """Make the days in which something may be queued, and all in which hours may be counted."""
    await partitions.create_ahead(connection)
    first = EPOCH.date() + timedelta(days=partitions.DAYS_AHEAD + 1)
    for distance in range(LONGEST.days):
        await partitions._create(connection, "delivery_hours", first + timedelta(days=distance))
