"""Compresses responses for clients that accept gzip, but none that shows a secret.

An attacker who can place text in a response can read the rest from its compressed length bit by bit (BREACH). So a
response with a secret has ``Cache-Control: no-transform``, which proxies respect, too.
"""

import zlib
from http import HTTPStatus
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from waypost.turns import Turn, account_of_call

LEAST_BYTES: Final = 1_024
"""Smaller responses are not worth it: they fit in one packet anyway."""
SLICE_BYTES: Final = 1 << 14
"""Larger pieces are compressed in slices, since they would block the event loop. A thread would compete with it: on
busy cores, the loop gets the interpreter back from another thread after several milliseconds."""
LARGE: Final = 1 << 16

_LEVEL: Final = 4
_LEVEL_OF_LARGE: Final = 1
"""For large responses, and those in pieces: some more bytes in less than half the time."""
_GZIP: Final = 16 + zlib.MAX_WBITS
_TYPES: Final = (b"text/", b"application/json", b"application/problem+json", b"image/svg+xml")


def compressed(application: ASGIApp) -> ASGIApp:
    """Return the application with its responses compressed where client and response allow it."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            send = _Compressing(send, accepted=_accepts_gzip(scope)).send
        await application(scope, receive, send)

    return serve


class _Compressing:
    """One response. Its start is held back until its first piece shows whether compressing is worthwhile."""

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
        """Decide by the first piece, and send the start."""
        start, self._start = self._start, None
        headers = {name.lower(): value for name, value in start["headers"]}
        if _may_be(start["status"], headers):
            start["headers"] = [*start["headers"], (b"vary", b"accept-encoding")]
            in_pieces = first.get("more_body", False)
            if self._accepted and (in_pieces or len(first["body"]) >= LEAST_BYTES):
                kept = [header for header in start["headers"] if header[0].lower() != b"content-length"]
                start["headers"] = [*kept, (b"content-encoding", b"gzip")]
                self._packer = zlib.compressobj(_level(first), wbits=_GZIP)
                if not in_pieces:
                    first["body"] = await self._packed(first["body"], last=True)
                    start["headers"].append((b"content-length", str(len(first["body"])).encode()))
                    self._packer = None
        await self._send(start)

    async def _packed(self, piece: bytes, *, last: bool) -> bytes:
        packed: list[bytes] = []
        if len(piece) <= SLICE_BYTES:
            packed.append(self._packer.compress(piece))
        else:
            turn = Turn(account_of_call())
            for begin in range(0, len(piece), SLICE_BYTES):
                await turn.pause()
                packed.append(self._packer.compress(piece[begin : begin + SLICE_BYTES]))
        packed.append(self._packer.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH))
        return b"".join(packed)


def _level(first: Any) -> int:
    is_large = first.get("more_body", False) or len(first["body"]) > LARGE
    return _LEVEL_OF_LARGE if is_large else _LEVEL


def _may_be(status: int, headers: dict[bytes, bytes]) -> bool:
    has_body = status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED, HTTPStatus.PARTIAL_CONTENT)
    is_plain = b"content-encoding" not in headers and b"no-transform" not in headers.get(b"cache-control", b"")
    return has_body and is_plain and headers.get(b"content-type", b"").startswith(_TYPES)


def _accepts_gzip(scope: Scope) -> bool:
    """Return whether the client accepts gzip with a quality above 0."""
    lines = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"accept-encoding"]
    for offer in ",".join(lines).split(","):
        coding, _, rest = offer.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return rest.replace(" ", "").rstrip("0").rstrip(".") not in ("q=", "q=0")
    return False
