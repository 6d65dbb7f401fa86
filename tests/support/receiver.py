"""A receiver of webhooks on loopback, scripted per request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HANG = b""
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answering(status: int, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n{lines}\r\n".encode()


@dataclass
class Received:
    raw_head: bytes
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw_head.decode().split("\r\n")[1:]
        return dict(line.split(": ", 1) for line in lines if line)


@dataclass
class Receiver:
    """Answers the n-th request by ``script(n)``; HANG never answers and an answer that is None closes."""

    script: Callable[[int], bytes | None]
    port: int = 0
    requests: list[Received] = field(default_factory=list)
    connections: int = 0
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def received(self, count: int, timeout: float = 20) -> list[Received]:  # noqa: ASYNC109
        async with asyncio.timeout(timeout), self._came:
            await self._came.wait_for(lambda: len(self.requests) >= count)
        return self.requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = Received(head, b"").headers["content-length"]
                received = Received(head, await reader.readexactly(int(length)))
                async with self._came:
                    self.requests.append(received)
                    answer = self.script(len(self.requests))
                    self._came.notify_all()
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(script: Callable[[int], bytes | None] = lambda _n: OK) -> AsyncIterator[Receiver]:
    receiver = Receiver(script)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
