"""Over TLS: the name is checked against the certificate, although the address is pinned."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from tests.support.certificates import Authority, make_authority, serve_as
from tests.support.receiver import receiving
from waypost.dispatch.transport import Answer, Failure, PyreqwestTransport
from waypost.domain.attempts import Outcome
from waypost.domain.targets import Ports, parse_target


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


async def post(authority: Authority, port: int, *, seconds: float = 10, connect_seconds: float = 5) -> Answer | Failure:
    target = parse_target(f"https://shop.test:{port}/hook", ports=Ports.parse("1-65535"))
    transport = PyreqwestTransport(authorities=authority.pem, connect_seconds=connect_seconds)
    return await transport.post(target, ip_address("127.0.0.1"), (), b"{}", deadline_seconds=seconds)


async def test_a_good_certificate_is_trusted_and_the_name_is_asked_for(authority: Authority) -> None:
    context, names = serve_as(authority, "shop.test"), []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with receiving(tls=context) as receiver:
        answer = await post(authority, receiver.port)

        assert answer.outcome is Outcome.SUCCEEDED
        assert names == ["shop.test"]
        assert receiver.requests[0].headers["host"] == f"shop.test:{receiver.port}"


def old_tls(context: ssl.SSLContext) -> ssl.SSLContext:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


async def test_a_certificate_of_an_unknown_authority_is_refused(authority: Authority) -> None:
    async with receiving(tls=serve_as(make_authority(), "shop.test")) as receiver:
        assert await post(authority, receiver.port) == Failure(Outcome.TLS_FAILED)
        assert receiver.requests == []


async def test_a_certificate_that_has_ended_is_refused(authority: Authority) -> None:
    async with receiving(tls=serve_as(authority, "shop.test", days=-1)) as receiver:
        assert await post(authority, receiver.port) == Failure(Outcome.TLS_FAILED)
        assert receiver.requests == []


async def test_a_certificate_of_another_name_is_refused(authority: Authority) -> None:
    async with receiving(tls=serve_as(authority, "other.test")) as receiver:
        assert await post(authority, receiver.port) == Failure(Outcome.TLS_FAILED)
        assert receiver.requests == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_outdated_tls_is_refused(authority: Authority) -> None:
    async with receiving(tls=old_tls(serve_as(authority, "shop.test"))) as receiver:
        assert await post(authority, receiver.port) == Failure(Outcome.TLS_FAILED)
        assert receiver.requests == []


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[int]:
    """Serve what is no TLS: say something to whoever begins a handshake, and close."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"])
async def test_a_handshake_that_fails_is_told_apart(authority: Authority, words: bytes) -> None:
    async with saying(words) as port:
        assert await post(authority, port) == Failure(Outcome.TLS_FAILED)


async def test_a_handshake_that_is_never_answered_is_timed_out(authority: Authority) -> None:
    async with receiving() as receiver:
        assert await post(authority, receiver.port, seconds=0.3) == Failure(Outcome.TIMED_OUT)
        await receiver.emptied()


async def test_a_handshake_that_takes_longer_than_a_connection_may_is_a_failed_connection(authority: Authority) -> None:
    async with receiving() as receiver:
        assert await post(authority, receiver.port, connect_seconds=0.2) == Failure(Outcome.CONNECT_FAILED)
        await receiver.emptied()
