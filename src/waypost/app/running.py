"""Runs the server once its database is available, and stops it in the order in which nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from waypost.app.announcing import Announce
from waypost.app.composition import Engine, compose, compose_dispatch
from waypost.app.errors import ServerEnded
from waypost.app.roles import Role
from waypost.app.sending import spare_the_collector
from waypost.app.server import HttpServer
from waypost.app.storage import Storage, secret_key
from waypost.app.supervisor import Part, keep_running
from waypost.app.watchdog import loop_watched
from waypost.rest import set_within
from waypost.settings import Settings
from waypost.store.accounts import has_accounts
from waypost.store.database import Database
from waypost.store.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
RESTART_SECONDS: Final = 2.0
LAST_REQUESTS_SECONDS: Final = 15.0
"""How long requests that have begun may continue after the signal to stop."""


async def run_server(
    settings: Settings,
    storage: Storage,
    *,
    roles: frozenset[Role],
    at: tuple[str, int] | None,
    stop: asyncio.Event,
    announce: Announce,
) -> None:
    """Build what these roles need and run it until ``stop`` is set.

    ``at`` is the address to listen on, None for none. Raise WrongSecretKey or ServerEnded.
    """
    key = await secret_key(settings, storage.database)
    dispatch_only = roles == {Role.DISPATCH}
    engine = compose_dispatch(settings, storage, key) if dispatch_only else compose(settings, storage, key, roles)
    await _run(engine, storage, at, stop, announce)


async def _run(
    engine: Engine, storage: Storage, at: tuple[str, int] | None, stop: asyncio.Event, announce: Announce
) -> None:
    spare_the_collector()
    server = None if at is None else HttpServer(engine.application, host=at[0], port=at[1])
    async with _running(engine, storage, server, stop):
        if at is None:
            announce("Running", "server_started")
        else:
            if storage.server is not None:
                storage.server.note_url(_url(*at))
            announce(f"Waypost listens on {_url(*at)}", "server_started", url=_url(*at))
        if storage.server is not None:
            await _greet(storage.database, announce)
        await _wait_for_end(server, stop)
        announce("Stopping after requests and deliveries in progress have finished", "server_stopping")


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _greet(database: Database, announce: Announce) -> None:
    """Announce the next step on the first start."""
    with suppress(*LOST):
        async with database.serving.acquire() as session:
            known = await has_accounts(session)
        if not known:
            line = "No account yet: create one with `waypost account create` while this runs, then sign in there"
            announce(line, "account_missing")


@asynccontextmanager
async def _running(
    engine: Engine, storage: Storage, server: HttpServer | None, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run every part. When stopping, the sources of updates stop first, then intake; PostgreSQL outlives them all."""
    after = asyncio.Event()
    outage = storage.database.outage
    watched = () if storage.server is None else (_postgres_part(storage.server),)
    parts = [asyncio.create_task(keep_running(part, stop, outage), name=part.name) for part in engine.parts]
    watch = [asyncio.create_task(keep_running(part, after, outage), name=part.name) for part in watched]
    if engine.intake is not None:
        engine.intake.start()
    if server is not None:
        server.start()
    preparing = asyncio.create_task(asyncio.to_thread(engine.prepare))
    try:
        with loop_watched():
            yield
    finally:
        stop.set()
        if engine.intake is not None:
            engine.intake.arrivals.end()  # requests that wait for events are answered now
        try:
            last = [] if server is None else [server.stop(within_seconds=LAST_REQUESTS_SECONDS)]
            await asyncio.gather(*last, *parts)
            if engine.intake is not None:
                await engine.intake.stop()
        finally:
            after.set()
            for task in parts:
                task.cancel()
            await asyncio.gather(*parts, *watch, return_exceptions=True)
            if engine.sources is not None:
                await engine.sources.close()
            await preparing


def _postgres_part(postgres: EmbeddedPostgres) -> Part:
    """Return the part that restarts the embedded PostgreSQL when it has ended."""

    async def serve(stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                ended = asyncio.create_task(postgres.wait_ended())
                await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    _LOG.error("postgres_ended", exit_code=ended.result())
                    await _restart(postgres, stop)
                else:
                    ended.cancel()
        finally:
            stopping.cancel()

    return Part("postgres", serve)


async def _restart(postgres: EmbeddedPostgres, stop: asyncio.Event) -> None:
    """Restart PostgreSQL as soon as it can be: on a full disk it can't recover until there is room."""
    failed = 0
    while not stop.is_set():
        try:
            await postgres.restart()
        except EmbeddedPostgresError as error:
            failed += 1
            if failed == 1:
                _LOG.error("postgres_restart_failed", error=str(error))
        else:
            _LOG.info("postgres_restarted", failed=failed)
            return
        await set_within(stop, RESTART_SECONDS)


async def _wait_for_end(server: HttpServer | None, stop: asyncio.Event) -> None:
    if server is None:
        await stop.wait()
        return
    ended = asyncio.create_task(server.ended())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        stopping.cancel()
    if not stop.is_set():
        raise ServerEnded("The HTTP server ended unexpectedly: the log above has the reason.")
