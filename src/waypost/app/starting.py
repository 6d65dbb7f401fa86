"""Starts the server: PostgreSQL starts while the modules that need it are loaded.

So this module imports neither the HTTP server nor anything that answers requests.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib import import_module

from waypost.app import memory
from waypost.app.address import held_address
from waypost.app.announcing import Announce
from waypost.app.roles import EVERYTHING, Role
from waypost.app.signals import stop_signals
from waypost.app.storage import Storage, joined_storage, serving_storage
from waypost.domain import wording
from waypost.settings import Settings


async def serve(settings: Settings, *, announce: Announce) -> None:
    """Run everything until SIGTERM or SIGINT; a second signal stops without waiting.

    ``announce`` gets a sentence for each step. Raise what prevents the start: CannotListen, CannotConnect,
    EmbeddedPostgresError, NotMigrated, UnsafeServer, WrongSecretKey; and ServerEnded.
    """
    listen = (settings.host, settings.port)
    await _start(settings, EVERYTHING, listen, serving_storage(settings, announce), announce)


async def run(settings: Settings, role: Role, listen: tuple[str, int] | None, *, announce: Announce) -> None:
    """Run one role beside other processes until SIGTERM or SIGINT, without state of its own.

    ``listen`` is the host and port to listen on, None for none. Raise the errors of ``serve``, and NothingToJoin.
    """
    await _start(settings, frozenset({role}), listen, joined_storage(settings, role.value), announce)


async def _start(
    settings: Settings,
    roles: frozenset[Role],
    listen: tuple[str, int] | None,
    opened: AbstractAsyncContextManager[Storage],
    announce: Announce,
) -> None:
    memory.use_little()
    with nullcontext() if listen is None else held_address(*listen) as at, stop_signals() as stop:
        # In a thread, so that PostgreSQL is started and watched meanwhile. PostgreSQL is tied to this thread and ends
        # with it.
        loading = asyncio.create_task(asyncio.to_thread(_load))
        async with opened as storage:
            await loading
            from waypost.app.running import run_server

            await run_server(settings, storage, roles=roles, at=at, stop=stop, announce=announce)
    announce("Stopped", "server_stopped")


def _load() -> None:
    """Load the words of carriers and the modules of the server, half a second of work.

    The words first: the modules then take the 10 MiB that are free when the words have been compiled.
    """
    wording.load()
    import_module("waypost.app.running")
