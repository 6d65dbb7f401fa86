"""A receiver that responds 200 at once and remembers when each webhook arrived; runs as a separate process.

It prints its port. ``GET /seen`` returns ``[[webhook-id, seconds of the monotonic clock], …]`` in order of arrival and
forgets them; ``GET /count`` returns only their number.
"""

import asyncio
import json
import time
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
_SEEN: list[tuple[bytes, float]] = []


class Receiver(asyncio.Protocol):
    """One connection, kept alive."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._read = b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[: end + 2]
            whole = end + 4 + int(_header(head, b"\r\ncontent-length: ") or 0)
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            self._transport.write(_told(head) if head.startswith(b"GET") else _taken(head))


def _header(head: bytes, name: bytes) -> bytes:
    start = head.find(name)
    return b"" if start < 0 else head[start + len(name) : head.find(b"\r\n", start + len(name))]


def _taken(head: bytes) -> bytes:
    _SEEN.append((_header(head, b"\r\nwebhook-id: "), time.monotonic()))
    return _ANSWER


def _told(head: bytes) -> bytes:
    if head.startswith(b"GET /count"):
        body = json.dumps(len(_SEEN)).encode()
    else:
        body = json.dumps([(name.decode(), at) for name, at in _SEEN]).encode()
        _SEEN.clear()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
