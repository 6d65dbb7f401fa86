"""One POST to one checked address: the only place that sends webhooks, and the only one that knows the HTTP client.

What the client does with a connection that it kept: one whose end has been seen is not used again, and a request of
which nothing was written when its connection ended goes out once more, by itself, on a new one (hyper). A request
that was written is never sent again here, because the endpoint may have taken it: that attempt ends as ``reset`` and
the schedule decides. To make this rare, connections are kept idle for less time than common servers keep them.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, Protocol

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import HeaderMap, Url
from pyreqwest.response import Response

from waypost.domain.addresses import IPAddress
from waypost.domain.attempts import Outcome
from waypost.domain.targets import Target

READ_BYTES: Final = 65_536
KEPT_BYTES: Final = 16_384
KEPT_HEADERS: Final = 100
KEPT_HEADER_CHARACTERS: Final = 8_192
KEPT_HEADERS_CHARACTERS: Final = 16_384
NOT_TEXT: Final = "[not text]"

CLIENTS: Final = 1_000
CLIENT_LIFE_SECONDS: Final = 300.0
CONNECT_SECONDS: Final = 5.0
"""For TCP and TLS: enough for a lost packet or two, and short enough that another address of the name may be tried."""

IDLE_SECONDS: Final = 4.0
IDLE_CONNECTIONS: Final = 64
_COMPARED_URLS: Final = 4096

_OF_CODE: Final = {410: Outcome.HTTP_410, 429: Outcome.HTTP_429}
_OF_CLASS: Final = {2: Outcome.SUCCEEDED, 3: Outcome.HTTP_3XX, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}


class Answer(msgspec.Struct, frozen=True):
    """What the endpoint answered; ``body`` is its first 16 KiB."""

    outcome: Outcome
    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool


class Failure(msgspec.Struct, frozen=True):
    """No answer came, or none that is HTTP, or none that ended in time."""

    outcome: Outcome


class Transport(Protocol):
    """Whoever can post. One deadline (seconds) spans connecting, TLS, headers and body."""

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
    ) -> Answer | Failure:
        """Post to this very address, follow nothing, and give what came of it; raises nothing that a peer can cause."""


_Key = tuple[str, str, int, bytes]
"""Scheme, host, port, and the bytes of the address."""


class _Kept(msgspec.Struct, frozen=True):
    client: asyncio.Future[Client]
    since: float


class PyreqwestTransport:
    """Posts by pyreqwest: one client for each host and checked address, kept for 5 minutes at most.

    ``clients`` is how many are kept at most (about 120 KB each). ``authorities`` are certificates (PEM) that are
    trusted beside the system's own.
    """

    def __init__(
        self,
        *,
        source_address: str | None = None,
        authorities: bytes | None = None,
        clients: int = CLIENTS,
        connect_seconds: float = CONNECT_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source_address = source_address
        self._authorities = authorities
        self._most = clients
        self._connect = timedelta(seconds=connect_seconds)
        self._now = now
        self._clients: OrderedDict[_Key, _Kept] = OrderedDict()

    async def post(
        self,
        target: Target,
        address: IPAddress,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        deadline_seconds: float,
    ) -> Answer | Failure:
        """See ``Transport``."""
        url = _same_url(target)
        if url is None or (target.address is not None and target.address != address):
            return Failure(Outcome.ADDRESS_FORBIDDEN)
        if deadline_seconds <= 0:
            return Failure(Outcome.TIMED_OUT)
        ends = time.monotonic() + deadline_seconds
        client = await self._made(self._client(target, address), deadline_seconds)
        left = ends - time.monotonic()
        if client is None or left <= 0:
            return Failure(Outcome.TIMED_OUT)
        # The client's own deadline, not asyncio's: a request whose task is cancelled goes on without end in 0.15, and
        # its connection with it. (It costs less, too.)
        request = (
            client.post(url)
            .headers(headers)
            .body_bytes(body)
            .timeout(timedelta(seconds=left))
            .streamed_read_buffer_limit(READ_BYTES)
            .build_streamed()
        )
        try:
            async with request as response:
                return await _read(response)
        except PyreqwestError as error:
            return Failure(_classify(error))

    async def _made(self, kept: asyncio.Future[Client], seconds: float) -> Client | None:
        """Wait for a client that is being made for so long: after a start a thousand of them wait for a few threads."""
        if kept.done():
            return kept.result()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(kept)
        except TimeoutError:
            return None

    def _client(self, target: Target, address: IPAddress) -> asyncio.Future[Client]:
        key = (target.scheme, target.host, target.port, address.packed)
        kept = self._clients.get(key)
        if kept is None or self._now() - kept.since >= CLIENT_LIFE_SECONDS:
            return self._make(key, target, address)
        self._clients.move_to_end(key)
        return kept.client

    def _make(self, key: _Key, target: Target, address: IPAddress) -> asyncio.Future[Client]:
        # Ten milliseconds, most of them for reading the system's certificates, and not under the interpreter's lock:
        # a thousand endpoints after a start must not hold up the loop.
        building = asyncio.ensure_future(asyncio.to_thread(self._build, target, address))
        building.add_done_callback(lambda built: self._forget(key, built))
        self._clients[key] = _Kept(building, self._now())
        self._clients.move_to_end(key)
        self._drop_old()
        return building

    def _forget(self, key: _Key, built: asyncio.Future[Client]) -> None:
        """Let the next request try again when a client could not be made."""
        kept = self._clients.get(key)
        if (built.cancelled() or built.exception()) and kept is not None and kept.client is built:
            del self._clients[key]

    def _drop_old(self) -> None:
        """Let go of clients that nobody asked for lately.

        A client that is let go closes its idle connections, and the others when their requests have ended.
        """
        ended = self._now() - CLIENT_LIFE_SECONDS
        while len(self._clients) > self._most or next(iter(self._clients.values())).since <= ended:
            self._clients.popitem(last=False)

    def _build(self, target: Target, address: IPAddress) -> Client:
        builder = (
            ClientBuilder()
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
            .pool_idle_timeout(timedelta(seconds=IDLE_SECONDS))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
        )
        if self._authorities is not None:
            builder = builder.add_root_certificate_pem(self._authorities)
        if target.address is None:
            builder = builder.resolve(target.host, str(address), target.port)
        return builder.build()


@lru_cache(_COMPARED_URLS)
def _same_url(target: Target) -> Url | None:
    """Give the target as the client's own parser reads it; None when that is not, to the letter, what was checked."""
    try:
        url = Url(target.url)
    except ValueError:
        return None
    read = (str(url), url.scheme, url.host_str, url.port_or_known_default)
    return url if read == (target.url, target.scheme, target.host, target.port) else None


async def _read(response: Response) -> Answer:
    """Take what is kept of an answer. Of a longer one 64 KiB were read, and its connection is not used again."""
    # A copy first: to slice the client's own type costs a tenth of the whole request.
    body = bytes(await response.body_reader.read(KEPT_BYTES + 1) or b"")
    code, headers = response.status, _kept_headers(response.headers)
    if len(body) > KEPT_BYTES:
        return Answer(of_status(code), code, headers, body[:KEPT_BYTES], truncated=True)
    return Answer(of_status(code), code, headers, body, truncated=False)


def _kept_headers(headers: HeaderMap) -> tuple[tuple[str, str], ...]:
    try:
        pairs = list(headers.items())
    except ValueError:  # one value at least is not ASCII
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


def of_status(code: int) -> Outcome:
    """Tell what a status code means for a delivery."""
    return _OF_CODE.get(code) or _OF_CLASS.get(code // 100, Outcome.BAD_RESPONSE)


def _classify(error: PyreqwestError) -> Outcome:
    """Read what had happened off the causes; the exceptions' own names mislead (a reset is called ConnectError)."""
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or []]
    if isinstance(error, RequestTimeoutError):
        # The client has two clocks for one connection, TCP's own and one with TLS, and either may strike first: only
        # that no connection stood in time is sure, and that nothing was sent.
        return Outcome.CONNECT_FAILED if "client error (Connect)" in causes else Outcome.TIMED_OUT
    if "client error (Connect)" in causes:
        # "tcp connect error", "tcp bind local error", …: otherwise the connection stood and TLS was at work.
        reached = not any(cause.startswith("tcp ") for cause in causes)
        return Outcome.TLS_FAILED if reached else Outcome.CONNECT_FAILED
    ended = ("onnection reset", "connection closed", "end of file", "unexpected EOF", "roken pipe", "close_notify")
    if any(words in cause for cause in causes for words in ended):
        return Outcome.RESET
    return Outcome.BAD_RESPONSE
