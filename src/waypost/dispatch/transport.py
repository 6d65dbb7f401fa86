"""Sends one POST to one checked address: the only module that sends webhooks, and the only one with the HTTP client.

How the client treats kept connections: one that is known to be closed is not used again, and if a connection ends
before any of a request was written, the client repeats the request on a new one (hyper). A request that was written may
have been accepted, so it is repeated at once in one case only: the connection may have been a kept one, and was reset
within a second. That happens when a server's idle time-out expires at that moment, and the retry schedule would cost
half a minute. To make this rare, connections are kept idle for less time than common servers keep them, and for less
than an endpoint announces (``Keep-Alive: timeout=n``).
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import HeaderMap, Url
from pyreqwest.response import Response
from pyreqwest.runtime import runtime_worker_threads

from waypost.dispatch.answers import Answer, Failure, cause_of_body, failure_of, of_status
from waypost.dispatch.kept_clients import CLIENTS, ClientPlan, KeptClients, PinnedTarget
from waypost.dispatch.time_limit import TimeLimit
from waypost.dispatch.trust import Trust
from waypost.domain.attempts import Cause, Outcome
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Target

READ_BYTES: Final = 65_536
READ_SECONDS: Final = 2.0
"""How much of a body is read, and for how long: it decides nothing, but a fully read connection can be reused.

A response that does not end within these limits costs its connection.
"""

_LENGTH_DIGITS: Final = 9
"""A longer number than that is of a body that is not read to its end."""

KEPT_BYTES: Final = 16_384
KEPT_HEADERS: Final = 100
KEPT_HEADER_CHARACTERS: Final = 8_192
KEPT_HEADERS_CHARACTERS: Final = 16_384
NOT_TEXT: Final = "[not text]"

CONNECT_SECONDS: Final = 5.0
"""For TCP and TLS: enough for a lost packet or two, and short enough to try another address of the name."""

THREADS: Final = 64
"""Threads of the client for addresses that are not trusted: more than one address has connections (``addresses.py``).

Interim responses without end occupy a thread each until the deadline. With a thread for each core, which is the
default, the first requests to other addresses would wait as long.
"""
runtime_worker_threads(THREADS)  # of this process; possible only before the client's first use

IDLE_CONNECTIONS: Final = 64
_COMPARED_URLS: Final = 4096
_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
RESET_AT_ONCE_SECONDS: Final = 1.0
PROBE_SECONDS: Final = 1.0
"""The time limit of the plain connection that distinguishes a port without TLS from one that nobody listens on."""


class Transport(Protocol):
    """Anything that can post. One deadline (seconds) spans connecting, TLS, headers and body."""

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
        account: UUID | None = None,
    ) -> Answer | Failure:
        """Post to exactly this address, follow nothing, and return the result; raise nothing that a peer causes.

        ``account`` is whose turn it takes where requests wait for each other.
        """

    async def connects(self, address: IPAddress, port: int, *, seconds: float) -> bool:
        """Return whether a plain TCP connection is accepted within the time limit; nothing is sent on it."""

    def is_warm(self, target: Target, address: IPAddress) -> bool:
        """Return whether a kept connection to this address is likely: it responded within its idle time."""


_RESET: Final = Failure(Outcome.RESET)
_NOT_CONNECTED: Final = Failure(Outcome.CONNECT_FAILED)


class PyreqwestTransport:
    """Posts with pyreqwest: one client for each host and checked address, kept for 5 minutes at most.

    ``clients`` is the maximum number kept (about 120 KB each). ``authorities`` are certificates (PEM) that are trusted
    in addition to the system's own. Addresses that ``trust`` trusts share one thread; others can't keep it busy.
    """

    def __init__(
        self,
        *,
        source_address: str | None = None,
        authorities: bytes | None = None,
        clients: int = CLIENTS,
        connect_seconds: float = CONNECT_SECONDS,
        now: Callable[[], float] = time.monotonic,
        trust: Trust | None = None,
    ) -> None:
        self._source_address = source_address
        self._authorities = certificates_in(authorities)
        self._connect = timedelta(seconds=connect_seconds)
        self._now = now
        self._trust = trust or Trust(now)
        self._clients = KeptClients[Client](self._build, self._trust, most=clients, now=now)
        self._reading = TimeLimit(READ_SECONDS)

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
        account: UUID | None = None,
    ) -> Answer | Failure:
        """See ``Transport``."""
        url = _same_url(target)
        if url is None or (target.address is not None and target.address != address):
            return Failure(Outcome.ADDRESS_FORBIDDEN)
        if deadline_seconds <= 0:
            return Failure(Outcome.TIMED_OUT)
        ends = time.monotonic() + deadline_seconds
        pinned = PinnedTarget(target, address)
        kept = self._clients.of(pinned, account)
        client = await self._made(kept.client, deadline_seconds)
        left = ends - time.monotonic()
        if client is None or left <= 0:
            return Failure(Outcome.TIMED_OUT)
        was_warm, before = kept.is_warm(self._now()), time.monotonic()
        answer = await self._send(client, url, headers, body, left)
        now = time.monotonic()
        if was_warm and answer == _RESET and now - before <= RESET_AT_ONCE_SECONDS and ends > now:
            answer = await self._send(client, url, headers, body, ends - now)
        if isinstance(answer, Answer):
            kept.answered(self._now(), answer.headers)
            if not kept.trusted:
                self._trust.answered(address)
            self._clients.renew_soon(kept, pinned, account)
        elif answer.outcome is Outcome.TIMED_OUT:
            self._trust.kept_waiting(address)
        elif answer == _NOT_CONNECTED and target.scheme == "https":
            return await self._perhaps_silent(answer, target, address, ends - time.monotonic())
        return answer

    async def _send(
        self, client: Client, url: Url, headers: Sequence[tuple[str, str]], body: bytes, seconds: float
    ) -> Answer | Failure:
        """Post once; the response is returned with its head, whatever happens to its body."""
        # The client's own deadline, not asyncio's: a request whose task is cancelled goes on for ever in 0.15, with its
        # connection. (It also costs less.) Nothing is read ahead: an error in the body would hide the head.
        request = (
            client.post(url)
            .headers(headers)
            .body_bytes(body)
            .timeout(timedelta(seconds=seconds))
            .streamed_read_buffer_limit(0)
            .build_streamed()
        )
        try:
            async with request as response:
                return await _read(response, self._reading)
        except PyreqwestError as error:
            return failure_of(_causes(error), timed_out=isinstance(error, RequestTimeoutError))

    async def _perhaps_silent(self, failed: Failure, target: Target, address: IPAddress, left: float) -> Failure:
        """Return whether a port accepts connections but never begins TLS, which the client can't distinguish."""
        if left > 0 and await self.connects(address, target.port, seconds=min(PROBE_SECONDS, left)):
            return Failure(Outcome.TLS_FAILED, Cause.HANDSHAKE_TIMED_OUT)
        return failed

    async def connects(self, address: IPAddress, port: int, *, seconds: float) -> bool:
        """See ``Transport``."""
        local = None if self._source_address is None else (self._source_address, 0)
        try:
            async with asyncio.timeout(seconds):
                connection, _ = await asyncio.get_running_loop().create_connection(
                    asyncio.Protocol, str(address), port, local_addr=local
                )
        except OSError:  # TimeoutError is one
            return False
        connection.close()
        return True

    def is_warm(self, target: Target, address: IPAddress) -> bool:
        """See ``Transport``."""
        return self._clients.is_warm(PinnedTarget(target, address))

    async def _made(self, kept: asyncio.Future[Client], seconds: float) -> Client | None:
        """Wait for a client that is being made, up to a limit: after a start, a thousand wait for a few threads."""
        if kept.done():
            return kept.result()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(kept)
        except TimeoutError:
            return None

    def _build(self, plan: ClientPlan) -> Client:
        (target, address), idle, trusted = plan
        builder = (
            ClientBuilder()
            .runtime_multithreaded(not trusted)
            .http1_only()
            .http1_lower_case_headers()
            .no_proxy()
            .follow_redirects(enable=False)
            .referer(enable=False)
            .default_cookie_store(enable=False)
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .min_tls_version("TLSv1.2")
            .local_address(self._source_address)
            .connect_timeout(self._connect)
            .pool_idle_timeout(timedelta(seconds=idle))
            .pool_max_idle_per_host(IDLE_CONNECTIONS if idle else 0)
            # A warning that a script printed among its headers, a folded line, a space before the colon: what browsers
            # and curl skip is no reason to send a webhook again.
            .http1_ignore_invalid_headers_in_responses(value=True)
            .http1_allow_obsolete_multiline_headers_in_responses(value=True)
            .http1_allow_spaces_after_header_name_in_responses(value=True)
        )
        for certificate in self._authorities:
            builder = builder.add_root_certificate_pem(certificate)
        if target.address is None:
            builder = builder.resolve(target.host, str(address), target.port)
        return builder.build()


def certificates_in(pem: bytes | None) -> list[bytes]:
    """Return the certificates of a PEM file one by one, as the client takes them."""
    return _CERTIFICATE.findall(pem or b"")


@lru_cache(_COMPARED_URLS)
def _same_url(target: Target) -> Url | None:
    """Return the target as the client's own parser reads it; None unless it is exactly what was checked."""
    try:
        url = Url(target.url)
    except ValueError:
        return None
    read = (str(url), url.scheme, url.host_str, url.port_or_known_default)
    return url if read == (target.url, target.scheme, target.host, target.port) else None


async def _read(response: Response, limit: TimeLimit) -> Answer:
    """Return the response with the part of its body that is kept.

    Of a longer one 64 KiB were read, and its connection is not used again. Unlike a request, a read may be cancelled:
    its connection is closed.
    """
    code, headers = response.status, _kept_headers(response.headers)
    outcome, cause = of_status(code)
    body, wrong = bytearray(), None
    if length := _length(headers):
        reader = response.body_reader
        try:
            with limit:
                while len(body) < length and (chunk := await reader.read_chunk()) is not None:
                    body += chunk
            wrong = Cause.BODY_TOO_LONG if len(body) > READ_BYTES else None
        except TimeoutError:  # by this clock or by the request's own, which is a PyreqwestError, too
            wrong = Cause.BODY_TIMED_OUT
        except PyreqwestError as error:
            wrong = cause_of_body(_causes(error))
    truncated = len(body) > KEPT_BYTES or wrong is not None
    return Answer(outcome, code, headers, bytes(body[:KEPT_BYTES]), truncated, cause or wrong)


def _length(headers: Iterable[tuple[str, str]]) -> int:
    """Return how many bytes of the body are read: all, if the head says how many there are, and it is not too long.

    Then nothing more is asked for when they have come, and nothing at all of an empty one. If the status has no body,
    the client accepts any text as a length.
    """
    found = dict(headers)
    announced = found.get("content-length", "")
    known = announced.isascii() and announced.isdigit() and len(announced) <= _LENGTH_DIGITS
    return min(int(announced), READ_BYTES + 1) if known and "transfer-encoding" not in found else READ_BYTES + 1


def _causes(error: PyreqwestError) -> list[str]:
    details = getattr(error, "details", None) or {}
    return [cause["message"] for cause in details.get("causes") or []]


def _kept_headers(headers: HeaderMap) -> tuple[tuple[str, str], ...]:
    try:
        pairs = list(headers.items())
    except ValueError:  # at least one value is not ASCII
        pairs = [(name, value) for name in dict.fromkeys(headers.keys()) for value in _values(headers, name)]
    if len(pairs) <= KEPT_HEADERS and sum(len(name) + len(value) for name, value in pairs) <= KEPT_HEADER_CHARACTERS:
        return tuple(pairs)
    kept, room = [], KEPT_HEADERS_CHARACTERS
    for name, value in pairs[:KEPT_HEADERS]:
        pair = name[: min(KEPT_HEADER_CHARACTERS, room)], value[: min(KEPT_HEADER_CHARACTERS, room)]
        room -= len(pair[0]) + len(pair[1])
        if room < 0:
            break
        kept.append(pair)
    return tuple(kept)


def _values(headers: HeaderMap, name: str) -> list[str]:
    try:
        return headers.getall(name)
    except ValueError:
        return [NOT_TEXT]
