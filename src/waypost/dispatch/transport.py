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
CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 4.0
IDLE_CONNECTIONS: Final = 64
_COMPARED_URLS: Final = 4096


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


class _Kept(msgspec.Struct, frozen=True):
    client: asyncio.Future[Client]
    since: float


class PyreqwestTransport:
    """Posts by pyreqwest: one client for each host and checked address, kept for 5 minutes at most.

    ``authorities`` are certificates (PEM) trusted beside the system's own.
    """

    def __init__(
        self,
        *,
        source_address: str | None = None,
        authorities: bytes | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source_address = source_address
        self._authorities = authorities
        self._now = now
        self._clients: OrderedDict[tuple[str, str, int, IPAddress], _Kept] = OrderedDict()

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
        if url is None:
            return Failure(Outcome.ADDRESS_FORBIDDEN)
        if deadline_seconds <= 0:
            return Failure(Outcome.TIMED_OUT)
        kept = self._kept(target, address).client
        client = kept.result() if kept.done() else await asyncio.shield(kept)
        request = (
            client.post(url)
            .headers(headers)
            .body_bytes(body)
            .timeout(timedelta(seconds=deadline_seconds))
            .streamed_read_buffer_limit(READ_BYTES)
            .build_streamed()
        )
        try:
            async with request as response:
                return await _read(response)
        except PyreqwestError as error:
            return Failure(_classify(error))

    def _kept(self, target: Target, address: IPAddress) -> _Kept:
        key = (target.scheme, target.host, target.port, address)
        now = self._now()
        kept = self._clients.get(key)
        if kept is None or now - kept.since >= CLIENT_LIFE_SECONDS or _failed(kept.client):
            # Ten milliseconds, most of them for reading the system's certificates, and not under the interpreter's
            # lock: a thousand endpoints after a start must not hold up the loop.
            building = asyncio.ensure_future(asyncio.to_thread(self._build, target, address))
            kept = self._clients[key] = _Kept(building, now)
        self._clients.move_to_end(key)
        self._drop_old(now)
        return kept

    def _drop_old(self, now: float) -> None:
        """Let go of clients that nobody asked for lately.

        A client that is let go closes its idle connections, and the others when their requests have ended.
        """
        while len(self._clients) > CLIENTS or now - next(iter(self._clients.values())).since >= CLIENT_LIFE_SECONDS:
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
            .connect_timeout(timedelta(seconds=CONNECT_SECONDS))
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


def _failed(client: asyncio.Future[Client]) -> bool:
    return client.done() and (client.cancelled() or client.exception() is not None)


async def _read(response: Response) -> Answer:
    """Take what is kept of an answer. Of a longer one 64 KiB were read, and its connection is not used again."""
    body = await response.body_reader.read(KEPT_BYTES + 1) or b""
    return Answer(
        of_status(response.status),
        response.status,
        _kept_headers(response.headers),
        bytes(body[:KEPT_BYTES]),
        len(body) > KEPT_BYTES,
    )


def _kept_headers(headers: HeaderMap) -> tuple[tuple[str, str], ...]:
    try:
        pairs = list(headers.items())
    except ValueError:  # one value at least is not ASCII
        pairs = [(name, value) for name in dict.fromkeys(headers.keys()) for value in _values(headers, name)]
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
    special = {410: Outcome.HTTP_410, 429: Outcome.HTTP_429}
    by_class = {2: Outcome.SUCCEEDED, 3: Outcome.HTTP_3XX, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}
    return special.get(code) or by_class.get(code // 100, Outcome.BAD_RESPONSE)


def _classify(error: PyreqwestError) -> Outcome:
    """Read what had happened off the causes; the exceptions' own names mislead (a reset is called ConnectError)."""
    if isinstance(error, RequestTimeoutError):
        return Outcome.TIMED_OUT
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or []]
    if "client error (Connect)" in causes:
        # "tcp connect error", "tcp bind local error", …: otherwise the connection stood and TLS was at work.
        reached = not any(cause.startswith("tcp ") for cause in causes)
        return Outcome.TLS_FAILED if reached else Outcome.CONNECT_FAILED
    ended = ("onnection reset", "connection closed", "end of file", "unexpected EOF", "roken pipe", "close_notify")
    if any(words in cause for cause in causes for words in ended):
        return Outcome.RESET
    return Outcome.BAD_RESPONSE
