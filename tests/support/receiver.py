"""A receiver of webhooks on loopback, scripted per request.

A script receives the number of the request (1, 2, …) and decides what happens to it: bytes are written unchanged,
HANG writes nothing, None closes, and a behaviour (see ``tests.support.hostile``) is run with the connection.
"""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

HANG = b""
HANGS_AFTER_SECONDS = 60.0
"""The time limit of waits: no machine is that slow, so only something that never happens takes this long."""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Behaviour = Callable[["Peer"], Awaitable[None]]
Script = Callable[[int], bytes | Behaviour | None]


def always(answer: bytes | Behaviour | None) -> Script:
    """Do the same with every request."""
    return lambda _number: answer


def answering(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body


@dataclass(frozen=True)
class Received:
    """One request as it came: ``raw_head`` ends with the empty line, ``connection`` counts from 1."""

    raw_head: bytes
    body: bytes
    connection: int = 0
    at: float = 0.0

    @cached_property
    def header_lines(self) -> list[tuple[str, str]]:
        """All headers in their order and spelling."""
        lines = self.raw_head.decode("latin-1").split("\r\n")[1:]
        return [(name, value) for line in lines if line for name, _, value in [line.partition(": ")]]

    @property
    def headers(self) -> dict[str, str]:
        return dict(self.header_lines)

    @property
    def method(self) -> str:
        return self.raw_head.split(b" ", 2)[0].decode("latin-1")

    @property
    def path(self) -> str:
        """Path and query, as asked for."""
        return self.raw_head.split(b" ", 2)[1].decode("latin-1")


@dataclass
class Receiver:
    """What came in, and what is answered."""

    script: Script
    scheme: str = "http"
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    open: set["Peer"] = field(default_factory=set)
    running: set[asyncio.Future[None]] = field(default_factory=set)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    async def received(self, count: int, timeout: float = HANGS_AFTER_SECONDS) -> list[Received]:  # noqa: ASYNC109 - a test chooses how long
        """Wait until this number of requests has arrived; return all of them."""
        await self.until(lambda: len(self.requests) >= count, timeout)
        return self.requests

    async def emptied(self, timeout: float = HANGS_AFTER_SECONDS) -> None:  # noqa: ASYNC109 - a test chooses how long
        """Wait until no connection is open."""
        await self.left_open(0, timeout)

    async def left_open(self, count: int, timeout: float = HANGS_AFTER_SECONDS) -> None:  # noqa: ASYNC109 - a test chooses how long
        """Wait until at most this number of connections is open."""
        await self.until(lambda: len(self.open) <= count, timeout)

    async def until(self, holds: Callable[[], bool], timeout: float = HANGS_AFTER_SECONDS) -> None:  # noqa: ASYNC109 - a test chooses how long
        """Wait until something holds of what was received."""
        async with asyncio.timeout(timeout):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def changed(self) -> None:
        self._changed.set()


class Peer(asyncio.Protocol):
    """The receiver's end of one connection; a behaviour writes to it as it likes."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._buffer = b""
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's do not derive from it
        self._receiver.connections += 1
        self._number = self._receiver.connections
        self._receiver.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._may_write.set()
        self.closed.set()
        self._receiver.open.discard(self)
        self._receiver.changed()

    def pause_writing(self) -> None:
        self._may_write.clear()

    def resume_writing(self) -> None:
        self._may_write.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n") + 4) >= 4:
            head = self._buffer[:end]
            length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r")[0] or 0)
            if len(self._buffer) < end + length:
                return
            request = Received(head, self._buffer[end : end + length], self._number, time.monotonic())
            self._buffer = self._buffer[end + length :]
            self._receiver.requests.append(request)
            self._receiver.changed()
            self._answer(self._receiver.script(len(self._receiver.requests)))

    def _answer(self, answer: bytes | Behaviour | None) -> None:
        if answer is None:
            self._transport.close()
        elif isinstance(answer, bytes):
            self._transport.write(answer)
        else:
            running = asyncio.ensure_future(answer(self))
            self._receiver.running.add(running)
            running.add_done_callback(self._receiver.running.discard)

    async def write(self, data: bytes) -> bool:
        """Write when the other end takes it; gives whether the connection is still open."""
        await self._may_write.wait()
        if self._transport.is_closing():
            return False
        self._transport.write(data)
        # A loop of writes that are all taken at once would never let the loop see that the other end has closed.
        turn = asyncio.Event()
        asyncio.get_running_loop().call_soon(turn.set)
        await turn.wait()
        return not self._transport.is_closing()

    async def pause(self, seconds: float) -> bool:
        """Wait, or until the other end closes; gives whether the connection is still open."""
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._transport.close()

    def half_close(self) -> None:
        """Signal the end of writing, and keep reading."""
        self._transport.write_eof()

    def reset(self) -> None:
        """End the connection by an RST."""
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._transport.abort()

    def abort(self) -> None:
        self._transport.abort()


@asynccontextmanager
async def receiving(
    script: Script = lambda _n: OK, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    receiver = Receiver(script, "https" if tls else "http")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Peer(receiver), host, port, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for peer in list(receiver.open):
            peer.abort()
        for running in list(receiver.running):
            running.cancel()
        await asyncio.gather(*receiver.running, return_exceptions=True)
