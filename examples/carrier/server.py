"""The stand-in's HTTP/1.1 on 127.0.0.1: ``/track/shipments`` as DHL, ``/_plan`` and ``/_journal`` for the demo."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from examples.carrier.carrier import Carrier, Reply

_MOST_HEAD_BYTES: Final = 16_384
_IDLE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class _Question:
    method: str
    path: str
    number: str
    has_key: bool
    keeps_open: bool


@asynccontextmanager
async def serve(carrier: Carrier, port: int) -> AsyncIterator[str]:
    """Answer while the block runs; gives the server's URL. Port 0 takes a free one."""
    visits: set[asyncio.Task[None]] = set()

    async def visit(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's callback is one
        visits.add(task)
        task.add_done_callback(visits.discard)
        await _visit(carrier, reader, writer)

    server = await asyncio.start_server(visit, "127.0.0.1", port, limit=_MOST_HEAD_BYTES)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        await server.wait_closed()


async def _visit(carrier: Carrier, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer the questions of one connection, one after the other."""
    try:
        open_ = True
        while open_:
            async with asyncio.timeout(_IDLE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                open_ = await _answer(carrier, _read(head), writer)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


def _read(head: bytes) -> _Question:
    """Read a request's head; ValueError for what is none."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    url = urlsplit(target)
    return _Question(
        method=method,
        path=url.path,
        number=parse_qs(url.query).get("trackingNumber", [""])[0],
        has_key=bool(headers.get("dhl-api-key")),
        keeps_open=version == "HTTP/1.1" and headers.get("connection", "").lower() != "close",
    )


async def _answer(carrier: Carrier, question: _Question, writer: StreamWriter) -> bool:
    """Write the answer, and give whether the connection stays open: after a body, which is not read, it does not."""
    reply = _reply(carrier, question)
    open_ = question.keeps_open and question.method == "GET"
    writer.write(_bytes(reply, keeps_open=open_))
    await writer.drain()
    carrier.served(question.number, reply)
    return open_


def _reply(carrier: Carrier, question: _Question) -> Reply:
    match question.method, question.path:
        case "GET", "/track/shipments":
            return carrier.ask(question.number, has_key=question.has_key)
        case "GET", "/_plan":
            return Reply(200, carrier.plan())
        case "GET", "/_journal":
            return Reply(200, asdict(carrier.journal))
        case _:
            return Reply(404, {"message": "There is nothing here."})


def _bytes(reply: Reply, *, keeps_open: bool) -> bytes:
    body = _json(reply.body)
    headers = {
        "content-type": "application/json" if reply.status < 400 else "application/problem+json",  # noqa: PLR2004
        "content-length": str(len(body)),
        "connection": "keep-alive" if keeps_open else "close",
    }
    if reply.retry_after_seconds is not None:
        headers["retry-after"] = str(reply.retry_after_seconds)
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
