"""Compresses answers for clients that accept gzip, but none that shows a secret.

What is compressed can be read off its length bit by bit by somebody who gets text of his own into the same answer
(BREACH). So an answer that shows a secret says ``Cache-Control: no-transform``, which proxies heed, too.
"""

import asyncio
import zlib
from http import HTTPStatus
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

LEAST_BYTES: Final = 1_024
"""Less is not worth it: a packet carries it anyway."""
IN_A_THREAD: Final = 1 << 16
"""More bytes are compressed in a thread, for they would hold the event loop."""

_LEVEL: Final = 4
_GZIP: Final = 16 + zlib.MAX_WBITS
_TYPES: Final = (b"text/", b"application/json", b"application/problem+json", b"image/svg+xml")


def compressed(application: ASGIApp) -> ASGIApp:
    """Return the application whose answers are compressed where client and answer allow it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            send = _Compressing(send, accepted=_accepts_gzip(scope)).send
        await application(scope, receive, send)

    return serve


class _Compressing:
    """One answer. Its start is held back until its first piece says whether it is worth it."""

    def __init__(self, send: Send, *, accepted: bool) -> None:
        self._send = send
        self._accepted = accepted
        self._start: Any = None
        self._packer: Any = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] == "http.response.body":
            if self._start is not None:
                await self._begin(message)
            if self._packer is not None:
                message["body"] = await self._packed(message["body"], last=not message.get("more_body", False))
        await self._send(message)

    async def _begin(self, first: Any) -> None:
        """Decide by the first piece, and send the start on its way."""
        start, self._start = self._start, None
        headers = {name.lower(): value for name, value in start["headers"]}
        if _may_be(start["status"], headers):
            start["headers"] = [*start["headers"], (b"vary", b"accept-encoding")]
            in_pieces = first.get("more_body", False)
            if self._accepted and (in_pieces or len(first["body"]) >= LEAST_BYTES):
                kept = [header for header in start["headers"] if header[0].lower() != b"content-length"]
                start["headers"] = [*kept, (b"content-encoding", b"gzip")]
                self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
                if not in_pieces:
                    first["body"] = await self._packed(first["body"], last=True)
                    start["headers"].append((b"content-length", str(len(first["body"])).encode()))
                    self._packer = None
        await self._send(start)

    async def _packed(self, piece: bytes, *, last: bool) -> bytes:
        if len(piece) < IN_A_THREAD:
            return self._pack(piece, last=last)
        return await asyncio.to_thread(self._pack, piece, last=last)

    def _pack(self, piece: bytes, *, last: bool) -> bytes:
        packed: bytes = self._packer.compress(piece)
        packed += self._packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
        return packed


def _may_be(status: int, headers: dict[bytes, bytes]) -> bool:
    has_body = status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.PARTIAL_CONTENT)
    is_plain = b"content-encoding" not in headers and b"no-transform" not in headers.get(b"cache-control", b"")
    return has_body and is_plain and headers.get(b"content-type", b"").startswith(_TYPES)


def _accepts_gzip(scope: Scope) -> bool:
    """Return whether the client names gzip, and not with a quality of 0."""
    lines = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"accept-encoding"]
    for offer in ",".join(lines).split(","):
        coding, _, rest = offer.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return rest.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False
