"""Runs the server from its first sentence to its last, and ends it in the order in which nothing is lost."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import structlog

from waypost.app.composition import Engine, compose
from waypost.app.errors import ServerEnded
from waypost.app.server import HttpServer, free_address
from waypost.app.storage import secret_key, serving_storage
from waypost.app.supervisor import Part, keep_running
from waypost.settings import Settings
from waypost.store.accounts import has_accounts
from waypost.store.database import Database
from waypost.store.embedded import EmbeddedPostgres
from waypost.store.statements import LOST

_LOG: Final = structlog.get_logger()
LAST_REQUESTS_SECONDS: Final = 15.0
"""How long requests that have begun may go on after the signal to stop."""

SAME_WISH_SECONDS: Final = 1.0


async def run(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; a second signal waits for nothing more.

    ``announce`` gets a sentence for each step. Raises what prevents the start: CannotListen, CannotConnect,
    EmbeddedPostgresError, NotMigrated, UnsafeServer, WrongSecretKey; and ServerEnded.
    """
    host, port = free_address(settings.host, settings.port)
    with _stop_signals() as stop:
        async with serving_storage(settings, announce) as storage:
            engine = compose(settings, storage, await secret_key(settings, storage.database))
            _spare_the_collector()
            server = HttpServer(engine.application, host=host, port=port)
            async with _running(engine, storage.server, server, stop):
                announce(f"Waypost listens on http://{f'[{host}]' if ':' in host else host}:{port}")
                await _greet(storage.database, announce)
                await _wait_for_end(server, stop)
                announce("Stopping: what is under way ends first")
    announce("Stopped")


async def _greet(database: Database, announce: Callable[[str], None]) -> None:
    """Say at the first start what to do next."""
    with suppress(*LOST):
        async with database.serving.acquire() as session:
            known = await has_accounts(session)
        if not known:
            announce("No account yet: make one with `waypost account create`, while this runs, then sign in there")


def _spare_the_collector() -> None:
    """Keep the garbage collector from walking all modules and every batch in hand: a tenth of the time under load."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@asynccontextmanager
async def _running(
    engine: Engine, postgres: EmbeddedPostgres | None, server: HttpServer, stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run every part. At the end what brings updates stops first, then intake; PostgreSQL outlives them all."""
    after = asyncio.Event()
    parts = [asyncio.create_task(keep_running(part, stop), name=part.name) for part in engine.parts]
    watch = [] if postgres is None else [asyncio.create_task(keep_running(_postgres_part(postgres), after))]
    engine.intake.start()
    server.start()
    try:
        yield
    finally:
        stop.set()
        try:
            await asyncio.gather(server.stop(within_seconds=LAST_REQUESTS_SECONDS), *parts)
            await engine.intake.stop()
        finally:
            after.set()
            for task in parts:
                task.cancel()
            await asyncio.gather(*parts, *watch, return_exceptions=True)
            await engine.carriers.close()


def _postgres_part(postgres: EmbeddedPostgres) -> Part:
    """Make the part that starts the embedded PostgreSQL again when it has ended."""

    async def serve(stop: asyncio.Event) -> None:
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                ended = asyncio.create_task(postgres.wait_ended())
                await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    _LOG.error("postgres_ended", exit_code=ended.result())
                    await postgres.restart()
                    _LOG.info("postgres_restarted")
                else:
                    ended.cancel()
        finally:
            stopping.cancel()

    return Part("postgres", serve)


async def _wait_for_end(server: HttpServer, stop: asyncio.Event) -> None:
    ended = asyncio.create_task(server.ended())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([ended, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()
        stopping.cancel()
    if not stop.is_set():
        raise ServerEnded("The HTTP server ended by itself: its reason stands above.")


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Give the event that SIGTERM and SIGINT set; another one, a second or more later, cancels the task that asked.

    What comes sooner is the same wish told twice: to the process and, by a terminal or a supervisor, to its group.
    """
    stop = asyncio.Event()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    first = loop.time()

    def heard() -> None:
        nonlocal first
        if not stop.is_set():
            first = loop.time()
            stop.set()
        elif task is not None and loop.time() - first >= SAME_WISH_SECONDS:
            task.cancel()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
