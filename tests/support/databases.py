"""One PostgreSQL per test process, and a database per test that equals a migrated template."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import msgspec

from tests.support.emptying import FILLED, NEW_INDEXES, empty_again, state_of
from waypost.domain import ids
from waypost.store import migrating, partitions
from waypost.store.database import Access, Database
from waypost.store.dispatchers import DispatcherSlot

TEMPLATE = "waypost_template"
PLACE = DispatcherSlot(UUID(int=1), 0)
"""Of a dispatcher that is the only one."""


def named(dsn: str, database: str) -> str:
    """Return the connection URL of another database of the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl().replace("///", "//@/", 1).replace("@/@", "@")


class Spare(msgspec.Struct):
    """Of one server: what its template is like, the tables that are filled there, and databases to use again."""

    state: str
    kept: frozenset[str]
    names: list[str]


SPARE: dict[str, Spare] = {}


async def make_template(dsn: str) -> None:
    server = await asyncpg.connect(dsn)
    await server.execute(f"create database {TEMPLATE}")
    await server.close()
    session = await asyncpg.connect(named(dsn, TEMPLATE))
    await migrating.migrate(session, lambda _line: None)
    await partitions.create_ahead(session)
    await session.execute(NEW_INDEXES)
    kept = frozenset(row["name"] for row in await session.fetch(FILLED))
    SPARE[dsn] = Spare(await state_of(session), kept, [])
    await session.close()


@asynccontextmanager
async def empty(dsn: str) -> AsyncIterator[str]:
    """Return the name of a database without tables."""
    name = f"test_{uuid4().hex}"
    server = await asyncpg.connect(dsn)
    await server.execute(f"create database {name} template template0")
    try:
        yield name
    finally:
        await server.execute(f"drop database {name} with (force)")
        await server.close()


@asynccontextmanager
async def fresh(dsn: str) -> AsyncIterator[Database]:
    """Return a database identical to the template: an emptied one, or a copy."""
    spare = SPARE[dsn]
    server = await asyncpg.connect(dsn)
    if spare.names:
        name = spare.names.pop()
    else:
        name = f"test_{uuid4().hex}"
        await server.execute(f"create database {name} template {TEMPLATE} strategy file_copy")
    database = await Database.open(Access(named(dsn, name), engine_size=12, serving_size=2))
    try:
        yield database
    finally:
        await database.close()
        session = await asyncpg.connect(named(dsn, name))
        again = await empty_again(session, spare.state, spare.kept)
        await session.close()
        if again:
            spare.names.append(name)
        else:
            await server.execute(f"drop database {name} with (force)")
        await server.close()


async def add_account(database: Database) -> UUID:
    account = ids.make_id(1_790_000_000_000, 0, uuid4().int)
    await database.serving.execute(
        "insert into account (id, email, name) values ($1, $2, 'Shop')", account, f"{account.hex}@shop.test"
    )
    return account


async def add_endpoint(
    database: Database,
    account: UUID,
    *,
    statuses: list[str] | None = None,
    trigger: str = "every_update",
    ordering: str = "ordered",
) -> UUID:
    endpoint = ids.make_id(1_790_000_000_000, 0, uuid4().int)
    await database.serving.execute(
        "insert into endpoint (id, account, url, version, statuses, trigger, ordering, secret)"
        " values ($1, $2, 'http://127.0.0.1:8080/', 'V4', $3, $4, $5, 'sealed')",
        endpoint,
        account,
        statuses,
        trigger,
        ordering,
    )
    return endpoint
