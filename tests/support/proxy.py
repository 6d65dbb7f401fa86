"""A TCP port in front of PostgreSQL that can be frozen: it accepts connections and bytes, and forwards nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Proxy:
    """``awake`` is set while bytes are passed on. ``listen`` returns who hears what a new client sends."""

    socket: str
    listen: Callable[[], Callable[[bytes], None]] = lambda: _deaf
    port: int = 0
    awake: asyncio.Event = field(default_factory=asyncio.Event)
    _pipes: set[asyncio.Task[None]] = field(default_factory=set)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            behind_reader, behind_writer = await asyncio.open_unix_connection(self.socket)
            ways = ((reader, behind_writer, self.listen()), (behind_reader, writer, _deaf))
            for source, target, hears in ways:
                pipe = asyncio.create_task(self._pipe(source, target, hears))
                self._pipes.add(pipe)
                pipe.add_done_callback(self._pipes.discard)

    async def _pipe(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, hears: Callable[[bytes], None]
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                hears(data)
                await self.awake.wait()
                target.write(data)
                await target.drain()
        target.close()

    async def end(self) -> None:
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)


def _deaf(_data: bytes) -> None:
    """Return without having heard anything."""


@asynccontextmanager
async def in_front_of(dsn: str) -> AsyncIterator[Proxy]:
    options = parse_qs(urlsplit(dsn).query)
    proxy = Proxy(f"{options['host'][0]}/.s.PGSQL.{options['port'][0]}")
    proxy.awake.set()
    server = await asyncio.start_server(proxy.take, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()


def through(dsn: str, *ports: int) -> str:
    """Return the URL of the same database behind these loopback ports."""
    parts = urlsplit(dsn)
    user = parts.netloc.rpartition("@")[0]
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{user}@{places}{parts.path}?sslmode=disable"
