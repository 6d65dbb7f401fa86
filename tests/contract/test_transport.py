"""The bytes on the wire, and the outcome of each response."""

import asyncio
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address

import pytest
from pyreqwest.client import Client

from tests.support.receiver import HANG, OK, Receiver, always, answering, receiving
from waypost.dispatch.answers import Answer, Failure, failure_of
from waypost.dispatch.kept_clients import ClientPlan, PinnedTarget
from waypost.dispatch.transport import (
    KEPT_BYTES,
    KEPT_HEADER_CHARACTERS,
    KEPT_HEADERS_CHARACTERS,
    NOT_TEXT,
    PyreqwestTransport,
)
from waypost.dispatch.trust import Trust
from waypost.domain.attempts import Cause, Outcome
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Ports, Target, parse_target

LOOPBACK = ip_address("127.0.0.1")
HEADERS = (
    ("content-type", "application/json"),
    ("accept", "*/*"),
    ("accept-encoding", "identity"),
    ("user-agent", "Waypost/test (+mailto:ops@shop.test)"),
    ("webhook-id", "evt_1"),
    ("waypost-attempt", "1"),
)
BODY = b'{"code":200}'


def target(receiver: Receiver, path: str = "/hook?a=b&c[]=%20") -> Target:
    return parse_target(f"http://shop.test:{receiver.port}{path}", ports=Ports.parse("1-65535"))


def trusting(
    *addresses: IPAddress,
    made: type[PyreqwestTransport] = PyreqwestTransport,
    now: Callable[[], float] = time.monotonic,
) -> PyreqwestTransport:
    """Return a transport to which these addresses have answered before, so that it keeps its clients."""
    trust = Trust(now)
    for address in addresses or (LOOPBACK,):
        trust.answered(address)
    return made(trust=trust, now=now)


async def post(transport: PyreqwestTransport, to: Target, *, seconds: float = 10) -> Answer | Failure:
    return await transport.post(to, LOOPBACK, HEADERS, BODY, deadline_seconds=seconds)


async def test_the_request_consists_of_exactly_these_bytes() -> None:
    async with receiving() as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        (request,) = await receiver.received(1)
        assert request.raw_head.decode().split("\r\n") == [
            "POST /hook?a=b&c[]=%20 HTTP/1.1",
            *(f"{name}: {value}" for name, value in HEADERS),
            f"host: shop.test:{receiver.port}",
            f"content-length: {len(BODY)}",
            "",
            "",
        ]
        assert request.body == BODY
        assert answer == Answer(Outcome.SUCCEEDED, 200, (("content-length", "2"),), b"ok", truncated=False)


async def test_an_ip_address_in_the_url_is_used_unchanged() -> None:
    async with receiving() as receiver:
        to = parse_target(receiver.url, ports=Ports.parse("1-65535"))

        await post(PyreqwestTransport(), to)

        (request,) = await receiver.received(1)
        assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((200, "succeeded"), (204, "succeeded"), (299, "succeeded"), (300, "http_3xx"), (399, "http_3xx")),
        *((400, "http_4xx"), (409, "http_4xx"), (410, "http_410"), (411, "http_4xx"), (429, "http_429")),
        *((499, "http_4xx"), (500, "http_5xx"), (503, "http_5xx"), (599, "http_5xx"), (600, "bad_response")),
        *((999, "bad_response"), (101, "bad_response")),
    ],
)
async def test_every_status_code_has_its_outcome(status: int, outcome: str) -> None:
    async with receiving(always(answering(status))) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert (answer.status_code, answer.outcome) == (status, outcome)


@pytest.mark.parametrize("status", [101, 600, 999])
async def test_a_status_that_is_not_final_is_reported(status: int) -> None:
    async with receiving(always(answering(status))) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert answer.cause is Cause.BAD_STATUS


@pytest.mark.parametrize(
    "line",
    [
        b"PHP Warning:  something in Unknown on line 0",
        b"x-a : b",
        b"x-a: b\r\n folded",
        b"no colon",
        b"a b: c",
        b": no name",
    ],
)
async def test_malformed_header_lines_are_skipped(line: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nserver: x\r\n" + line + b"\r\ncontent-length: 2\r\n\r\nok"
    async with receiving(always(head)) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert (answer.outcome, answer.body, answer.cause) == (Outcome.SUCCEEDED, b"ok", None)


async def test_informational_responses_are_skipped() -> None:
    hints = (
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    )
    async with receiving(always(hints + OK)) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert (answer.status_code, answer.body) == (200, b"ok")


async def test_redirects_are_not_followed() -> None:
    async with receiving() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            to_elsewhere = answering(status, f"location: {elsewhere.url}")
            async with receiving(always(to_elsewhere)) as receiver:
                answer = await post(PyreqwestTransport(), target(receiver))

                assert answer.outcome is Outcome.HTTP_3XX

        assert elsewhere.connections == 0


async def test_proxies_from_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        answer = await post(PyreqwestTransport(), target(receiver))

        assert answer.outcome is Outcome.SUCCEEDED
        assert proxy.connections == 0


async def test_cookies_are_not_returned_and_bodies_are_not_decompressed() -> None:
    packed = answering(200, "set-cookie: a=b", "content-encoding: gzip", body=b"\x1f\x8b junk")
    async with receiving(always(packed)) as receiver:
        transport = PyreqwestTransport()

        answers = [await post(transport, target(receiver)) for _ in range(2)]

        assert [one.body for one in answers if isinstance(one, Answer)] == [b"\x1f\x8b junk"] * 2
        assert all("cookie" not in request.headers for request in receiver.requests)


@pytest.mark.parametrize("size", [0, 1, KEPT_BYTES - 1, KEPT_BYTES, KEPT_BYTES + 1, 60_000, 65_536, 200_000])
async def test_sixteen_kibibytes_of_a_response_are_kept(size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    async with receiving(always(answering(200, body=body))) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert (answer.body, answer.truncated) == (body[:KEPT_BYTES], size > KEPT_BYTES)
        assert type(answer.body) is bytes


async def test_headers_are_kept_in_order_and_truncated() -> None:
    long = [f"x-long-{number}: {'v' * 10_000}" for number in range(3)]
    async with receiving(always(answering(200, "x-a: 1", "x-b: 2", "x-a: 3", *long))) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert sorted(answer.headers[:4]) == [("content-length", "0"), ("x-a", "1"), ("x-a", "3"), ("x-b", "2")]
        assert max(len(value) for _, value in answer.headers) == KEPT_HEADER_CHARACTERS
        assert sum(len(name) + len(value) for name, value in answer.headers) <= KEPT_HEADERS_CHARACTERS


@pytest.mark.parametrize("junk", [b"\xff\xfe", "ü".encode(), b"a\x80"])
async def test_a_header_that_is_not_text_does_not_hide_the_response(junk: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-a: 1\r\nx-junk: " + junk + b"\r\ncontent-length: 0\r\n\r\n"
    async with receiving(always(head)) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert set(answer.headers) == {("x-a", "1"), ("x-junk", NOT_TEXT), ("content-length", "0")}


@pytest.mark.parametrize(
    "line",
    [
        b"content-length: " + b"9" * 5_000,
        b"content-length: \xff",
        b"content-length: \xb2",
        b"content-length: -1",
        b"content-length:",
        b"transfer-encoding: \xff",
    ],
)
async def test_a_length_that_is_not_a_number_is_ignored_if_the_status_has_no_body(line: bytes) -> None:
    async with receiving(always(b"HTTP/1.1 204 X\r\n" + line + b"\r\n\r\n")) as receiver:
        answer = await post(PyreqwestTransport(), target(receiver))

        assert isinstance(answer, Answer)
        assert (answer.status_code, answer.outcome, answer.cause) == (204, Outcome.SUCCEEDED, None)


async def test_requests_are_sent_from_the_source_address() -> None:
    sources: list[str] = []

    def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        sources.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        to = parse_target(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", ports=Ports.parse("1-65535"))

        await post(PyreqwestTransport(source_address="127.0.0.9"), to)

        assert sources == ["127.0.0.9"]


async def test_a_target_that_the_client_reads_differently_gets_no_request() -> None:
    async with receiving() as receiver:
        right = target(receiver)
        wrong = [
            Target(right.url, right.scheme, "other.test", right.port, None),
            Target(right.url, right.scheme, right.host, 80, None),
            Target(right.url.replace("/hook", "/a/../hook"), right.scheme, right.host, right.port, None),
            Target(right.url.replace("shop.test", "xn--a-ecp.ru"), right.scheme, "xn--a-ecp.ru", right.port, None),
            Target("no url", right.scheme, right.host, right.port, None),
            parse_target(f"http://127.0.0.2:{receiver.port}/", ports=Ports.parse("1-65535")),
        ]

        answers = [await post(PyreqwestTransport(), one) for one in wrong]

        assert answers == [Failure(Outcome.ADDRESS_FORBIDDEN)] * len(wrong)
        assert receiver.connections == 0


async def test_a_refused_connection_is_a_failed_connection() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        to = parse_target(f"http://shop.test:{bound.getsockname()[1]}/", ports=Ports.parse("1-65535"))

        assert await post(PyreqwestTransport(), to) == Failure(Outcome.CONNECT_FAILED, Cause.PORT_CLOSED)


@pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EHOSTUNREACH])
def test_an_address_without_a_route_is_unreachable(number: int) -> None:
    """The texts around the system's own are those of a refused connection: no test leaves the loopback interface."""
    causes = ("client error (Connect)", "tcp connect error", f"{os.strerror(number)} (os error {number})")

    assert failure_of(causes, timed_out=False) == Failure(Outcome.CONNECT_FAILED, Cause.UNREACHABLE)


async def test_a_connection_never_accepted_fails_in_time_to_try_another_address() -> None:
    with socket.socket() as bound, socket.socket() as first, socket.socket() as second:
        bound.bind(("127.0.0.1", 0))
        bound.listen(0)
        for waiting in (first, second):
            waiting.settimeout(0)
            waiting.connect_ex(bound.getsockname())
        to = parse_target(f"http://shop.test:{bound.getsockname()[1]}/", ports=Ports.parse("1-65535"))

        assert await post(PyreqwestTransport(connect_seconds=0.2), to) == Failure(Outcome.CONNECT_FAILED)
        assert await post(PyreqwestTransport(), to, seconds=0.3) == Failure(Outcome.TIMED_OUT)


async def test_the_deadline_includes_the_creation_of_the_client() -> None:
    enough = threading.Event()

    class Slow(PyreqwestTransport):
        def _build(self, plan: ClientPlan) -> Client:
            enough.wait()
            return super()._build(plan)

    async with receiving() as receiver, asyncio.timeout(10):
        transport = Slow()

        late = await post(transport, target(receiver), seconds=0.1)
        assert (late, receiver.connections) == (Failure(Outcome.TIMED_OUT), 0)

        enough.set()
        assert (await post(transport, target(receiver))).outcome is Outcome.SUCCEEDED


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with receiving() as receiver:
        assert await post(PyreqwestTransport(), target(receiver), seconds=-1) == Failure(Outcome.TIMED_OUT)
        assert receiver.connections == 0


async def test_cancelling_ends_at_once_and_the_connection_at_the_deadline() -> None:
    async with receiving(always(HANG)) as receiver:
        transport = PyreqwestTransport()
        await transport._clients.of(
            PinnedTarget(target(receiver), LOOPBACK), None
        ).client  # to make one may take most of a short deadline
        sending = asyncio.create_task(post(transport, target(receiver), seconds=1))
        await receiver.received(1)

        sending.cancel()

        with pytest.raises(asyncio.CancelledError):
            await sending
        await receiver.emptied()
