"""Request bodies arrive complete at the application, however the client sends them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from litestar.exceptions import ClientException

from waypost.app import server
from waypost.app.address import held_address
from waypost.app.errors import CannotListen
from waypost.app.server import HttpServer
from waypost.portal.requests import PageRequest

LIMIT = 60.0


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body, and with how it ended."""
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request", message
        body += message["body"]
        more = message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    with held_address("127.0.0.1", 0) as (host, port):
        http = HttpServer(echo, host=host, port=port)
        http.start()
        yield port
        await http.stop(within_seconds=1)


def head(*headers: str) -> bytes:
    return "\r\n".join(["POST / HTTP/1.1", "host: x", *headers, "", ""]).encode()


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    async def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        async with asyncio.timeout(LIMIT):
            return await self._reader.read()

    async def answer(self) -> tuple[bytes, bytes]:
        """Return the first line and the body."""
        async with asyncio.timeout(LIMIT):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"content-length"))
            return head.splitlines()[0], await self._reader.readexactly(length)


async def connect(port: int) -> Connection:
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                return Connection(*await asyncio.open_connection("127.0.0.1", port))
            except ConnectionRefusedError:  # it does not listen yet
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), 0.02)


async def test_bodies_on_one_connection_are_separated(port: int) -> None:
    connection = await connect(port)
    answers = []
    for body in (b"first", b"", b"x" * 300_000, b"last"):
        await connection.send(head(f"content-length: {len(body)}") + body)
        answers.append(await connection.answer() == (b"HTTP/1.1 200 OK", body))

    assert answers == [True] * 4


async def test_a_page_that_takes_long_learns_that_its_visitor_has_gone() -> None:
    here, left = asyncio.Event(), asyncio.Event()

    async def wait(scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        here.set()
        await PageRequest(scope, receive).gone()
        left.set()

    with held_address("127.0.0.1", 0) as (host, port):
        http = HttpServer(wait, host=host, port=port)
        http.start()
        connection = await connect(port)
        await connection.send(head("content-length: 3") + b"who")
        async with asyncio.timeout(LIMIT):
            await here.wait()
            assert not left.is_set()
            connection.close()
            await left.wait()
        await http.stop(within_seconds=1)


async def test_a_body_that_arrives_in_parts_is_complete(port: int) -> None:
    connection = await connect(port)
    await connection.send(head("content-length: 9"), b"one", b"two")
    await connection.send(b"six")

    assert await connection.answer() == (b"HTTP/1.1 200 OK", b"onetwosix")


async def test_a_chunked_body_ends_with_its_last_chunk(port: int) -> None:
    connection = await connect(port)
    await connection.send(head("transfer-encoding: chunked"), b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n")

    assert await connection.answer() == (b"HTTP/1.1 200 OK", b"onetwo")


async def test_a_content_length_beside_chunks_truncates_nothing(port: int) -> None:
    connection = await connect(port)
    await connection.send(
        head("content-length: 3", "transfer-encoding: chunked"), b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"
    )

    line, body = await connection.answer()

    assert (line, body) == (b"HTTP/1.1 200 OK", b"onetwo") or line.split()[1] == b"400"


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST / HTTP/1.1\r\nhost: x\r\n", head("content-length: 0")],
    ids=["nothing", "half a head", "a request before"],
)
async def test_a_connection_without_a_complete_head_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 1)
    with held_address("127.0.0.1", 0) as (host, port):
        short = HttpServer(echo, host=host, port=port)
        short.start()
        connection = await connect(port)
        await connection.send(sent)

        ended = await connection.rest()

        await short.stop(within_seconds=1)
    assert ended.startswith(b"HTTP/1.1 200") if sent.endswith(b"\r\n\r\n") else b"200" not in ended


async def test_a_truncated_body_is_a_client_error() -> None:
    async def gone() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientException, match="ended early"):
        await server.within(LIMIT, echo)({"type": "http", "headers": []}, gone, None)  # type: ignore[arg-type]


async def test_a_chosen_free_port_is_not_given_away_before_the_server_listens() -> None:
    with held_address("127.0.0.1", 0) as (host, port):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((host, port))

        http = HttpServer(echo, host=host, port=port)
        http.start()
        connection = await connect(port)
        await connection.send(head("content-length: 0"))
        assert await connection.answer() == (b"HTTP/1.1 200 OK", b"")
        with pytest.raises(CannotListen, match=f"Port {port} is already in use"), held_address(host, port):
            pass
        await http.stop(within_seconds=1)
