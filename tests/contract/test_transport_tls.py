"""Over TLS: the name is checked against the certificate, although the address is pinned."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address

import pytest

from tests.support.certificates import Authority, make_authority, serve_as, serve_self_signed
from tests.support.receiver import receiving
from waypost.dispatch.answers import Answer, Failure
from waypost.dispatch.transport import PyreqwestTransport
from waypost.domain.attempts import Cause, Outcome
from waypost.domain.targets import Ports, parse_target


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


async def post(
    trusted: Authority | bytes, port: int, *, seconds: float = 10, connect_seconds: float = 5
) -> Answer | Failure:
    target = parse_target(f"https://shop.test:{port}/hook", ports=Ports.parse("1-65535"))
    transport = PyreqwestTransport(
        authorities=trusted if isinstance(trusted, bytes) else trusted.pem, connect_seconds=connect_seconds
    )
    return await transport.post(target, ip_address("127.0.0.1"), (), b"{}", deadline_seconds=seconds)


async def test_a_valid_certificate_is_trusted_and_sni_is_sent(authority: Authority) -> None:
    context, names = serve_as(authority, "shop.test"), []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with receiving(tls=context) as receiver:
        answer = await post(authority, receiver.port)

        assert answer.outcome is Outcome.SUCCEEDED
        assert names == ["shop.test"]
        assert receiver.requests[0].headers["host"] == f"shop.test:{receiver.port}"


def tls_failure(cause: Cause | None) -> Failure:
    return Failure(Outcome.TLS_FAILED, cause)


CERTIFICATES: dict[Cause, Callable[[Authority], ssl.SSLContext]] = {
    Cause.UNKNOWN_ISSUER: lambda _: serve_as(make_authority("Another authority"), "shop.test"),
    Cause.EXPIRED: lambda authority: serve_as(authority, "shop.test", days=-1),
    Cause.NOT_YET_VALID: lambda authority: serve_as(authority, "shop.test", begins=2),
    Cause.WRONG_NAME: lambda authority: serve_as(authority, "other.test"),
    Cause.CA_CERTIFICATE: lambda authority: serve_as(authority, "shop.test", is_authority=True),
    Cause.BAD_CERTIFICATE: lambda _: serve_as(make_authority(), "shop.test"),  # the name of ours, but not its key
}


@pytest.mark.parametrize("cause", CERTIFICATES)
async def test_a_rejected_certificate_has_its_reason(authority: Authority, cause: Cause) -> None:
    async with receiving(tls=CERTIFICATES[cause](authority)) as receiver:
        assert await post(authority, receiver.port) == tls_failure(cause)
        assert receiver.requests == []


async def test_a_self_signed_certificate_is_trusted_if_added_and_not_an_authority() -> None:
    context, pem = serve_self_signed("shop.test")
    async with receiving(tls=context) as receiver:
        answer = await post(pem, receiver.port)

        assert answer.outcome is Outcome.SUCCEEDED


async def test_every_certificate_of_a_bundle_is_trusted(authority: Authority) -> None:
    bundle = b"# ours\n" + make_authority("Another authority").pem + b"\n# and theirs\n" + authority.pem
    async with receiving(tls=serve_as(authority, "shop.test")) as receiver:
        answer = await post(bundle, receiver.port)

        assert answer.outcome is Outcome.SUCCEEDED


def outdated(context: ssl.SSLContext) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_1


def only_cbc(context: ssl.SSLContext) -> None:
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    context.maximum_version = ssl.TLSVersion.TLSv1_2


def asks_for_a_certificate(context: ssl.SSLContext) -> None:
    context.verify_mode = ssl.CERT_REQUIRED


@contextmanager
def handshaking(context: ssl.SSLContext) -> Iterator[int]:
    """Serve one handshake in a thread, as most servers do: unlike asyncio, they send the alert before they close."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def shake() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True)

        thread = threading.Thread(target=shake)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (outdated, Cause.NO_SHARED_PROTOCOL),
        (only_cbc, Cause.NO_SHARED_PROTOCOL),
        (asks_for_a_certificate, Cause.CLIENT_CERTIFICATE),
    ],
)
async def test_a_tls_alert_names_the_cause(
    authority: Authority, change: Callable[[ssl.SSLContext], None], cause: Cause
) -> None:
    context = serve_as(authority, "shop.test")
    change(context)
    with handshaking(context) as port:
        assert await post(authority, port) == tls_failure(cause)


@asynccontextmanager
async def saying(words: bytes) -> AsyncIterator[int]:
    """Serve something other than TLS: send a text to any client that starts a handshake, and close."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (b"", Cause.HANDSHAKE_CLOSED),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Cause.NO_TLS),
        (b"220 mail.test ESMTP\r\n", Cause.NO_TLS),
        (b"\x15\x03\x03\x00\x02\x02\x28", Cause.NO_SHARED_PROTOCOL),
        (b"\x15\x03\x03\x00\x02\x02\x70", Cause.TLS_ALERT),
    ],
)
async def test_a_failed_handshake_has_its_own_outcome(authority: Authority, words: bytes, cause: Cause) -> None:
    async with saying(words) as port:
        assert await post(authority, port) == tls_failure(cause)


async def test_a_handshake_without_a_response_times_out(authority: Authority) -> None:
    async with receiving() as receiver:
        assert await post(authority, receiver.port, seconds=0.3) == Failure(Outcome.TIMED_OUT)
        await receiver.emptied()


async def test_a_port_that_never_starts_tls_is_not_reported_as_unreachable(
    authority: Authority,
) -> None:
    async with receiving() as receiver:
        failure = await post(authority, receiver.port, connect_seconds=0.2)

        assert failure == tls_failure(Cause.HANDSHAKE_TIMED_OUT)
        await receiver.emptied()
