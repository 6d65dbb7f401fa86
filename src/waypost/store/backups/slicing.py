"""Has a session of a disposable server work in the rhythm of a backup: its backend is stopped whenever it has to rest.

Only there: a stopped backend may hold what the server's other backends wait for. The server itself is never stopped.
When this process dies, it ends at once and kills backends that don't (`orphaned` in ``embedded/server.py``).
"""

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from waypost.processor_share import LOWEST
from waypost.store.backups.background import backends_give_way, serves
from waypost.store.backups.rhythm import MOMENT_SECONDS, Rhythm, Share
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.statements import fetch

_LOOK_SECONDS: Final = 0.05


@asynccontextmanager
async def in_slices(database: Database, url: str, rhythm: Rhythm) -> AsyncIterator[str]:
    """Yield the name for a client's session, which works in the rhythm until the end of the block.

    ``database`` is that of the disposable server at ``url``.
    """
    name = f"waypost-check-{secrets.token_hex(8)}"
    slicing = asyncio.create_task(_slice(database, url, name, rhythm))
    try:
        yield name
    finally:
        await end(slicing)


async def _slice(database: Database, url: str, name: str, rhythm: Rhythm) -> None:
    backend = await _find_backend(database, name)
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended, or is another user's
            handle = os.pidfd_open(backend)
            try:
                if serves(backend, url):
                    backends_give_way(url, [backend], session=LOWEST)
                    await _stop_and_go(handle, rhythm)
            finally:
                os.close(handle)


async def _find_backend(database: Database, name: str) -> int:
    while True:
        async with database.serving.acquire() as session:
            rows = await fetch(session, "backends_of_session", name)
        if rows:
            return int(rows[0]["backend"])
        await asyncio.sleep(_LOOK_SECONDS)


async def _stop_and_go(handle: int, rhythm: Rhythm) -> None:
    while sys.platform == "linux":
        await asyncio.sleep(MOMENT_SECONDS)
        if rest := rhythm.rest(Share.CHECKING):
            signal.pidfd_send_signal(handle, signal.SIGSTOP)
            try:
                await asyncio.sleep(rest)
            finally:
                signal.pidfd_send_signal(handle, signal.SIGCONT)
