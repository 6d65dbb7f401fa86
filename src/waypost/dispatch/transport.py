"""One POST to one checked address: the only place that sends webhooks, and the only one that knows the HTTP client."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.http import Url
from pyreqwest.response import Response

from waypost.domain.attempts import Outcome
from waypost.domain.targets import Target

IPAddress = IPv4Address | IPv6Address

READ_BYTES: Final = 65_536
KEPT_BYTES: Final = 16_384
KEPT_HEADERS: Final = 100
KEPT_HEADER_CHARACTERS: Final = 8_192
CLIENTS: Final = 1_000
CLIENT_LIFE_SECONDS: Final = 300.0


class Answer(msgspec.Struct, frozen=True):
    """What the endpoint answered; ``body`` is its first 16 KiB."""

    outcome: Outcome
    status_code: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool


class Failure(msgspec.Struct, frozen=True):
    """No answer came, or none that is HTTP."""

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


class PyreqwestTransport:
    """Posts by pyreqwest: one client for each host, with the checked address pinned, kept for 5 minutes at most."""

    def __init__(self, *, source_address: str | None = None) -> None:
        self._source_address = source_address
        self._clients: OrderedDict[tuple[str, str, int, IPAddress], tuple[Client, float]] = OrderedDict()

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
        if not _means_the_same(target):
            return Failure(Outcome.ADDRESS_FORBIDDEN)
        request = (
            self._client(target, address)
            .post(target.url)
            .headers(headers)
            .body_bytes(body)
            .streamed_read_buffer_limit(READ_BYTES)
            .build_streamed()
        )
        try:
            async with asyncio.timeout(deadline_seconds), request as response:
                return await _read(response)
        except TimeoutError:
            return Failure(Outcome.TIMED_OUT)
        except PyreqwestError as error:
            return Failure(_classify(error))

    def _client(self, target: Target, address: IPAddress) -> Client:
        key = (target.scheme, target.host, target.port, address)
        now = time.monotonic()
        found = self._clients.get(key)
        if found is not None and now - found[1] < CLIENT_LIFE_SECONDS:
            self._clients.move_to_end(key)
            return found[0]
        client = self._build(target, address)
        # What is dropped here closes its idle connections once its last request has ended.
        self._clients[key] = (client, now)
        if len(self._clients) > CLIENTS:
            self._clients.popitem(last=False)
        return client

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
            .local_address(self._source_address)
            .pool_idle_timeout(timedelta(seconds=30))
        )
        if target.address is None:
            builder = builder.resolve(target.host, str(address), target.port)
        return builder.build()


@lru_cache(maxsize=4096)
def _means_the_same(target: Target) -> bool:
    """Ask the client's own parser: what was checked must be what will be connected to."""
    url = Url(target.url)
    return (url.scheme, url.host_str, url.port_or_known_default) == (target.scheme, target.host, target.port)


async def _read(response: Response) -> Answer:
    """Read at most 64 KiB; what is longer is cut, and its connection is not used again."""
    read = bytearray()
    while len(read) <= READ_BYTES and (chunk := await response.body_reader.read(READ_BYTES)) is not None:
        read += chunk
    headers = tuple(
        (name[:KEPT_HEADER_CHARACTERS], value[:KEPT_HEADER_CHARACTERS])
        for name, value in list(response.headers.items())[:KEPT_HEADERS]
    )
    return Answer(
        of_status(response.status), response.status, headers, bytes(read[:KEPT_BYTES]), len(read) > KEPT_BYTES
    )


def of_status(code: int) -> Outcome:
    """Tell what a status code means for a delivery."""
    special = {410: Outcome.HTTP_410, 429: Outcome.HTTP_429}
    by_class = {2: Outcome.SUCCEEDED, 3: Outcome.HTTP_3XX, 4: Outcome.HTTP_4XX, 5: Outcome.HTTP_5XX}
    return special.get(code) or by_class.get(code // 100, Outcome.BAD_RESPONSE)


def _classify(error: PyreqwestError) -> Outcome:
    """Read what had happened off the causes; the exceptions' own names mislead (a reset is called ConnectError)."""
    details = getattr(error, "details", None) or {}
    causes = " / ".join(cause["message"] for cause in details.get("causes") or [])
    if "client error (Connect)" in causes:
        reached = "tcp connect error" not in causes and "dns error" not in causes
        return Outcome.TLS_FAILED if reached else Outcome.CONNECT_FAILED
    if any(words in causes for words in ("onnection reset", "connection closed", "end of file", "Broken pipe")):
        return Outcome.RESET
    return Outcome.BAD_RESPONSE
