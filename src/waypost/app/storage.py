"""Opens the database that the settings name: the one of a URL, or the embedded PostgreSQL of the data directory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from waypost.domain.errors import OperatorError
from waypost.settings import Settings
from waypost.store import hints, migrating, partitions
from waypost.store.connecting import opened_database
from waypost.store.database import Access, Database
from waypost.store.embedded.neighbours import running_data_dirs
from waypost.store.embedded.server import EmbeddedPostgres, has_cluster, locate
from waypost.store.hints import Hint
from waypost.store.installation import KeyFile, WrongSecretKey, check_secret_key, own_secret_key
from waypost.store.trouble import LOST

Progress = Callable[[str], None]

_LOOK_SECONDS: Final = 0.1
_MIGRATING_SECONDS: Final = 60.0
_SHOWN: Final = 3


class NotMigrated(OperatorError):
    """The database lacks tables that this program needs; the message says what to run."""


class NothingToJoin(OperatorError):
    """A process that works beside a server finds none; the message says what to do."""


class NoWaypost(OperatorError):
    """A command was given a data directory without a database; the message names the ones that are running."""


@dataclass(frozen=True, slots=True)
class Storage:
    """An open database at ``url``.

    ``server`` is the PostgreSQL that this process started, None if it is somebody else's.
    """

    database: Database
    server: EmbeddedPostgres | None
    url: str = field(repr=False)


@asynccontextmanager
async def serving_storage(settings: Settings, progress: Progress) -> AsyncIterator[Storage]:
    """Yield the migrated database to serve from; an embedded one is started, and stopped at the end.

    Raise NotMigrated for a database URL: many processes may run there, so the operator migrates.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        async with opened_database(_access(settings, url, "serve")) as database:
            await _refuse_pending(database)
            yield Storage(database, None, url)
        return
    async with (
        _started(settings, progress) as server,
        opened_database(_access(settings, server.dsn, "serve")) as database,
    ):
        await bring_up_to_date(database, progress)
        yield Storage(database, server, server.dsn)


@asynccontextmanager
async def joined_storage(settings: Settings, role: str) -> AsyncIterator[Storage]:
    """Yield the database to a process that works beside others; it starts no PostgreSQL and migrates nothing.

    ``role`` names its sessions. Raise NotMigrated, and NothingToJoin if there is no database URL and no ``waypost
    serve`` on the data directory.
    """
    url = await _running_url(settings)
    if url is None:
        raise NothingToJoin(
            f"No `waypost serve` is running on {settings.data_dir}: start it, or name a database with --database-url."
        )
    async with opened_database(_access(settings, url, role)) as database:
        if settings.database_url is not None:
            await _refuse_pending(database)
        else:
            await _wait_for_migrations(database)
        yield Storage(database, None, url)


@asynccontextmanager
async def reached_storage(settings: Settings, progress: Progress, *, create: bool = False) -> AsyncIterator[Storage]:
    """Yield the database as it is to a short command; see ``reached_url``."""
    async with (
        reached_url(settings, progress, create=create) as (url, server),
        opened_database(_access(settings, url, "command", small=True)) as database,
    ):
        yield Storage(database, server, url)


@asynccontextmanager
async def reached_url(
    settings: Settings, progress: Progress, *, create: bool = False
) -> AsyncIterator[tuple[str, EmbeddedPostgres | None]]:
    """Yield where the database is, and its PostgreSQL if it had to be started for this.

    A running ``waypost serve`` is asked where its database is. Unless ``create`` allows to make a database, raise
    NoWaypost if there is none: a command that was given the wrong directory must not leave a second Waypost there.
    """
    url = await _running_url(settings)
    if url is not None:
        yield url, None
        return
    if not create:
        _refuse_nothing(settings.data_dir)
    async with _started(settings, progress) as server:
        yield server.dsn, server


@asynccontextmanager
async def migrated_database(settings: Settings, progress: Progress) -> AsyncIterator[Database]:
    """Yield the database of ``reached_storage`` if it has this program's tables. Raise NotMigrated."""
    async with reached_storage(settings, progress) as storage:
        if storage.server is not None:
            await bring_up_to_date(storage.database, progress)
        elif settings.database_url is not None:
            await _refuse_pending(storage.database)
        else:
            await _wait_for_migrations(storage.database)
        try:
            yield storage.database
        finally:
            if storage.server is None:
                await wake_others(storage.database)


async def wake_others(database: Database) -> None:
    """Have servers that are at rest look for what a command has left for them."""
    with suppress(*LOST):
        async with database.engine.acquire() as session:
            await hints.tell(session, Hint(all=True))


async def bring_up_to_date(database: Database, progress: Progress) -> int:
    """Apply pending migrations, create the next days' partitions, and return how many migrations were applied."""
    async with database.unhurried() as session:
        if database.schema is not None:
            await session.execute(f'create schema if not exists "{database.schema}"')
        applied = await migrating.migrate(session, progress)
        await partitions.create_ahead(session)
    return applied


async def count_pending(database: Database) -> int:
    """Return how many of this program's migrations the database lacks."""
    async with database.engine.acquire() as session:
        return len(await migrating.pending(session))


async def secret_key(settings: Settings, database: Database) -> str:
    """Return the installation's secret key, checked against the database. Raise WrongSecretKey."""
    file = KeyFile(settings.data_dir)
    async with database.serving.acquire() as session:
        if settings.secret_key is not None:
            key, came_from = settings.secret_key.get_secret_value(), "WAYPOST_SECRET_KEY"
        elif settings.database_url is None:
            key, came_from = await own_secret_key(session, file), str(file.path)
        else:
            raise WrongSecretKey(
                "WAYPOST_SECRET_KEY is needed with a database URL: set it to a long random text, and keep it as long as"
                " the database."
            )
        await check_secret_key(session, key, came_from=came_from)
    return key


def given_key(settings: Settings) -> str | None:
    """Return the secret key of the settings or of the data directory, None if there is none. Raise WrongSecretKey."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    return None if settings.database_url is not None else KeyFile(settings.data_dir).read()


def _access(settings: Settings, url: str, role: str, *, small: bool = False) -> Access:
    engine, serving = (2, 1) if small else (settings.engine_connections, settings.serving_connections)
    return Access(url, role, settings.schema, engine_size=engine, serving_size=serving)


@asynccontextmanager
async def _started(settings: Settings, progress: Progress) -> AsyncIterator[EmbeddedPostgres]:
    server = await EmbeddedPostgres.start(settings.data_dir, pg_bin=settings.pg_bin, progress=progress)
    try:
        yield server
    finally:
        await server.stop()


async def _running_url(settings: Settings) -> str | None:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    address = await locate(settings.data_dir)
    return None if address is None else address.dsn


def _refuse_nothing(data_dir: Path) -> None:
    """Raise NoWaypost if the data directory has no database."""
    if has_cluster(data_dir):
        return
    running = running_data_dirs()
    if not running:
        raise NoWaypost(f"There is no Waypost in {data_dir}: start one with `waypost serve`, or give its --data-dir.")
    shown = ", ".join(map(str, running[:_SHOWN]))
    more = f" and {len(running) - _SHOWN} more" if len(running) > _SHOWN else ""
    raise NoWaypost(f"There is no Waypost in {data_dir}. Running: {shown}{more}. Give one of them as --data-dir.")


async def _refuse_pending(database: Database) -> None:
    if pending := await count_pending(database):
        raise NotMigrated(f"The database lacks {pending} of this program's migrations: run `waypost migrate`.")


async def _wait_for_migrations(database: Database) -> None:
    """Return when the server that is running on this database has migrated it."""
    try:
        async with asyncio.timeout(_MIGRATING_SECONDS):
            while await count_pending(database):  # noqa: ASYNC110 - another process migrates
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise NotMigrated("The running server is older than this program: restart it first.") from None
