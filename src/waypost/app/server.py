"""The HTTP server: Granian inside this process's own event loop, HTTP/1.1, for one ASGI application.

Measured on two cores with the client beside it: 31,000 requests a second of a trivial Litestar route. Granian itself
answers a head of more than about 100 KB or 100 lines with 431: its buffer has 64 KiB and is filled once more before it
is looked at. Measured, too: a connection ends after 10.0 s without a whole head, whether nothing came, half a head, a
byte each second, or a request before; so 4,300 idle connections from one address keep others out for 10 s.
"""

import asyncio
import math
from typing import Final

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from litestar.exceptions import ClientException
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send, WebSocketReceiveMessage

_LOG: Final = structlog.get_logger()
MOST_CONNECTIONS: Final = 4096
"""The backlog in the kernel's queue; with Granian's default of 128, as many idle clients could lock out everybody."""
HEAD_SECONDS: Final = 10
BODY_SECONDS: Final = 60.0
MOST_HEAD_BYTES: Final = 65_536


class HttpServer:
    """Serves an application at ``host`` and ``port``, which must be reserved by ``address.held_address``."""

    def __init__(self, application: ASGIApp, *, host: str, port: int) -> None:
        self._server = Server(
            within(BODY_SECONDS, application),
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEAD_SECONDS * 1000, max_buffer_size=MOST_HEAD_BYTES),
            backlog=MOST_CONNECTIONS,
            websockets=False,
            log_enabled=False,
        )
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start accepting connections."""
        self._running = asyncio.create_task(self._server.serve())

    async def stop(self, *, within_seconds: float) -> None:
        """Accept no more connections and let requests in progress finish, up to a limit; may be called repeatedly."""
        if self._running is None:
            return
        self._server.stop()
        await asyncio.wait([self._running], timeout=within_seconds)
        self.cut()
        await asyncio.gather(self._running, return_exceptions=True)

    def cut(self) -> None:
        """Stop waiting for requests."""
        if self._running is not None:
            self._running.cancel()

    async def ended(self) -> None:
        """Return when the server has ended, whatever the reason."""
        if self._running is not None:
            await asyncio.wait([self._running])


def within(seconds: float, application: ASGIApp) -> ASGIApp:
    """Limit how long a request's body may take to arrive; after that the client counts as gone.

    A body that ends early is raised as the client's fault: nothing of ours failed, so no error is logged.

    A body that has reached its length is complete: asking Granian for the empty rest costs a tenth of a short request.
    """

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        until = asyncio.get_running_loop().time() + seconds
        whole = False
        left = _length(scope)

        async def receive_in_time() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal left, whole
            if whole:  # from here on it waits for the end of the connection
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                message = {"type": "http.disconnect"}
            if message["type"] == "http.disconnect":
                _LOG.debug("body_truncated")
                raise ClientException("The body ended early.")
            if message["type"] == "http.request":
                left -= len(message["body"])
                message["more_body"] = message["more_body"] and left > 0
            whole = not message.get("more_body", False)
            return message

        await application(scope, receive_in_time, send)

    return serve


def _length(scope: Scope) -> float:
    """Return the declared length of a request's body; infinite if it is not declared, as with chunks."""
    headers = dict(scope["headers"])
    said = headers.get(b"content-length", b"")
    return int(said) if said.isdigit() else math.inf
