"""The stand-ins' HTTP/1.1 on 127.0.0.1.

``/<carrier>/…`` is answered as the carrier would answer ``/…``. Three paths are for whoever runs it: ``GET /_plan``
lists the parcels, ``GET /_journal`` counts the requests, and ``PUT /_mood/<carrier>/<mood>`` puts one into a mood.
"""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from examples.carriers.stand_in import Mood, StandIn, moods
from examples.carriers.wire import Reply, Request, in_json

_MOST_HEAD_BYTES: Final = 32_768
_MOST_BODY_BYTES: Final = 1_048_576
_IDLE_SECONDS: Final = 60
_HUGE_BYTES: Final = 2_000_000_000
_PIECE: Final = b"[" * 65_536
_MOODS: Final = frozenset(mood.value for mood in Mood)

Answering = tuple[StandIn | None, Reply]


@asynccontextmanager
async def serve(stand_ins: Mapping[str, StandIn], port: int, *, latency_seconds: float = 0.0) -> AsyncIterator[str]:
    """Answer while the block runs; yield the server's URL. Port 0 takes a free one."""
    visits: set[asyncio.Task[None]] = set()

    async def visit(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a connection's callback is one
        visits.add(task)
        task.add_done_callback(visits.discard)
        with suppress(asyncio.CancelledError):  # by the end of this server only
            await _visit(stand_ins, latency_seconds, reader, writer)

    server = await asyncio.start_server(visit, "127.0.0.1", port, limit=_MOST_HEAD_BYTES, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in visits:
            task.cancel()
        await asyncio.gather(*visits, return_exceptions=True)
        await server.wait_closed()


async def _visit(
    stand_ins: Mapping[str, StandIn], latency_seconds: float, reader: StreamReader, writer: StreamWriter
) -> None:
    """Answer the requests of one connection, one after the other."""
    try:
        open_ = True
        while open_:
            async with asyncio.timeout(_IDLE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                request, open_ = await _read(head, reader)
            if latency_seconds:
                await asyncio.sleep(latency_seconds)
            stand_in, reply = _answer(stand_ins, request)
            await _write(stand_in, reply, writer, keeps_open=open_)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def _read(head: bytes, reader: StreamReader) -> tuple[Request, bool]:
    """Return a request, and whether its connection stays open. Raise ValueError for anything else."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", 0))
    if not 0 <= length <= _MOST_BODY_BYTES or "transfer-encoding" in headers:
        raise ValueError
    body = await reader.readexactly(length)
    url = urlsplit(target)
    request = Request(method, unquote(url.path), parse_qs(url.query), headers, body)
    return request, version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"


def _answer(stand_ins: Mapping[str, StandIn], request: Request) -> Answering:
    _, name, *rest = request.path.split("/")
    match request.method, name, rest:
        case "GET", "_plan", []:
            plans = [one.plan() for one in stand_ins.values()]
            return None, in_json(
                200,
                {
                    "parcels": [
                        {"carrier": name, **parcel} for name, one in stand_ins.items() for parcel in one.fleet.plan()
                    ],
                    "expected_events": sum(plan["expected_events"] for plan in plans),
                    "ends_after_seconds": max((plan["ends_after_seconds"] for plan in plans), default=0),
                },
            )
        case "GET", "_journal", []:
            return None, in_json(200, {name: asdict(one.journal) for name, one in stand_ins.items()})
        case "PUT", "_mood", [carrier, mood] if carrier in stand_ins and mood in _MOODS:
            stand_ins[carrier].mood = Mood(mood)
            return None, in_json(200, moods(stand_ins))
    if name not in stand_ins:
        return None, in_json(404, {"message": f"There is no carrier here of that name: {', '.join(stand_ins)}"})
    inner = Request(request.method, "/" + "/".join(rest), request.query, request.headers, request.body)
    return stand_ins[name], stand_ins[name].answer(inner)


async def _write(stand_in: StandIn | None, reply: Reply, writer: StreamWriter, *, keeps_open: bool) -> None:
    mood = Mood.NORMAL if stand_in is None else stand_in.mood
    if mood is Mood.HANG:
        await asyncio.Event().wait()
    if mood is Mood.HUGE:
        writer.write(_head(reply, _HUGE_BYTES, keeps_open=False))
        for _ in range(_HUGE_BYTES // len(_PIECE)):
            writer.write(_PIECE)
            await writer.drain()
        raise ConnectionError
    writer.write(_head(reply, len(reply.body), keeps_open=keeps_open) + reply.body)
    await writer.drain()
    if stand_in is not None:
        stand_in.served(reply)


def _head(reply: Reply, length: int, *, keeps_open: bool) -> bytes:
    headers = {
        "content-type": reply.content_type,
        "content-length": str(length),
        "connection": "keep-alive" if keeps_open else "close",
    }
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in (headers | dict(reply.headers)).items()]
    return "\r\n".join([*lines, "", ""]).encode()
