"""Sends requests to carriers: the only module of this package that knows the HTTP client.

``CarrierHttp`` is for requests that Waypost's own adapters compose, to addresses that only the operator can change.
``FencedHttp`` is for those of other people's code (the bridge to karrio).

One deadline spans connecting, TLS, headers and body. No redirect is followed, no cookie kept, no proxy taken from the
environment, nothing decompressed, and a body longer than 1 MiB is rejected. A call that fails because its kept
connection was broken is repeated once: no call here does harm when it is made twice.
"""

import asyncio
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import NetworkError, PyreqwestError, RequestTimeoutError
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable, CarrierUnreadable
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.retry import read_retry_after
from waypost.domain.targets import Target

MOST_BODY_BYTES: Final = 1_048_576
MOST_WORDS_BYTES: Final = 4_096
"""How much of an answer that rejects a credential is kept, for the carrier's own words."""

CLIENTS: Final = 32
"""How many hosts of foreign requests keep their connections."""

_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
"""Headers of foreign requests that are replaced or left out."""

_READ_BYTES: Final = 65_536
_REFUSALS: Final = (401, 403, 429)
"""Statuses that decide, even if the body is cut short or never comes."""
_IDLE: Final = timedelta(seconds=30)


class CarrierAnswer(msgspec.Struct, frozen=True):
    """A carrier's answer: any status except those that mean trouble with the carrier as a whole."""

    status: int
    body: bytes


def basic(user: str, password: str) -> str:
    """Return the value of the header ``authorization`` for a user and a password (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


class CarrierHttp:
    """Sends requests to carriers; ``user_agent`` names the installation and how to reach its operator."""

    def __init__(self, *, timeout_seconds: float, user_agent: str) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = _build(user_agent)

    async def get(
        self, url: str, query: Mapping[str, str | Sequence[str]], headers: Mapping[str, str]
    ) -> CarrierAnswer:
        """Return the answer to one GET; a name of the query may have several values.

        Raise CarrierLimited on 429, CarrierRefused on 401 and 403, and CarrierUnavailable if no complete answer came in
        time, and on 5xx and redirects.
        """
        pairs = [(name, one) for name, told in query.items() for one in ([told] if isinstance(told, str) else told)]
        return await self._send(lambda: self._client.get(url).query(pairs), headers)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> CarrierAnswer:
        """Return the answer to one POST of a body whose type is in ``headers``. Raise the errors of ``get``."""
        return await self._send(lambda: self._client.post(url).body_bytes(body), headers)

    async def change(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> CarrierAnswer:
        """Return the answer to one PATCH or DELETE; repeating it does no harm. Raise the errors of ``get``."""
        return await self._send(lambda: self._client.request(method, url).body_bytes(body), headers)

    async def _send(self, begin: Callable[[], RequestBuilder], headers: Mapping[str, str]) -> CarrierAnswer:
        ends = time.monotonic() + self._timeout_seconds
        try:
            try:
                return await self._attempt(begin(), headers, ends)
            except NetworkError:
                # A kept connection that the carrier closed meanwhile looks like this; the next one is new.
                if time.monotonic() >= ends:
                    raise
                return await self._attempt(begin(), headers, ends)
        except RequestTimeoutError as error:
            raise CarrierUnavailable(f"no response within {self._timeout_seconds:g} s") from error
        except PyreqwestError as error:
            # The client's own text contains the URL, and with it a tracking number.
            raise CarrierUnavailable(f"no response: {_cause(error)}") from None

    async def _attempt(self, request: RequestBuilder, headers: Mapping[str, str], ends: float) -> CarrierAnswer:
        for name, value in headers.items():
            request = request.header(name, value, is_sensitive=True)
        # The client's own deadline, not asyncio's: a request whose task is cancelled goes on for ever in 0.15.
        left = timedelta(seconds=max(0.001, ends - time.monotonic()))
        # Without a buffer, the status line is there before the body.
        async with request.timeout(left).streamed_read_buffer_limit(0).build_streamed() as response:
            await _refuse_trouble(response)
            return CarrierAnswer(response.status, await _read(response))

    async def close(self) -> None:
        """Close the open connections."""
        await self._client.close()


class WholeAnswer(msgspec.Struct, frozen=True):
    """An answer with any status, and its headers as text."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header with that name, in lower case."""
        return next((value for known, value in self.headers if known == name), None)


Admit = Callable[[str], Awaitable[tuple[Target, Sequence[IPAddress]]]]
"""Return where a URL leads, and the checked addresses of its host. Raise CarrierUnavailable if that is forbidden."""


class FencedHttp:
    """Sends requests that a program of others composed: to addresses that were checked, and to no other.

    A request goes over TLS unless its address is this machine's own. Each host and address has a client, of which
    ``CLIENTS`` are kept.
    """

    def __init__(self, admit: Admit, *, user_agent: str, authorities: Sequence[bytes] = ()) -> None:
        self._admit = admit
        self._user_agent = user_agent
        self._authorities = authorities
        self._clients: OrderedDict[tuple[str, int, IPAddress], Client] = OrderedDict()

    async def send(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, seconds: float
    ) -> WholeAnswer:
        """Return the answer to one request, whatever its status. Raise CarrierUnavailable; redirects are answers."""
        ends = time.monotonic() + seconds
        target, addresses = await self._admit(url)
        if target.scheme != "https" and not all(address.is_loopback for address in addresses):
            raise CarrierUnavailable(f"the carrier's address begins with {target.scheme}://, so the key could be read")
        client = await self._client(target, addresses[0])
        request = client.request(method, target.url).timeout(
            timedelta(seconds=max(0.001, ends - time.monotonic()))  # the client's own, as for CarrierHttp
        )
        for name, value in headers:
            if name.lower() not in _OURS:
                request = request.header(name, value, is_sensitive=True)
        try:
            async with request.body_bytes(body).streamed_read_buffer_limit(0).build_streamed() as response:
                kept = tuple((name, value) for name, value in response.headers.items())
                refuses = response.status in _REFUSALS
                return WholeAnswer(response.status, kept, await (_words if refuses else _read)(response))
        except RequestTimeoutError as error:
            raise CarrierUnavailable("no response in time") from error
        except PyreqwestError as error:
            raise CarrierUnavailable(f"no response: {_cause(error)}") from None
        except ValueError:  # a method, a header or a value of one that no request can have
            raise CarrierUnavailable("the request or its response had a header that can't be used") from None

    async def _client(self, target: Target, address: IPAddress) -> Client:
        key = (target.host, target.port, address)
        if key not in self._clients:
            built = await asyncio.to_thread(self._build, target, address)
            self._clients.setdefault(key, built)
            if len(self._clients) > CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(key)
        return self._clients[key]

    def _build(self, target: Target, address: IPAddress) -> Client:
        builder = _builder(self._user_agent)
        for certificate in self._authorities:
            builder = builder.add_root_certificate_pem(certificate)
        if target.address is None:
            builder = builder.resolve(target.host, str(address), target.port)
        return builder.build()

    async def close(self) -> None:
        """Close the open connections."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()


def _build(user_agent: str) -> Client:
    return _builder(user_agent).build()


def _builder(user_agent: str) -> ClientBuilder:
    return (
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
        .pool_idle_timeout(_IDLE)
        .user_agent(user_agent)
        .default_headers({"accept": "application/json", "accept-encoding": "identity"})
    )


async def _refuse_trouble(response: Response) -> None:
    """Raise for answers that concern the carrier or the credential rather than the parcel.

    The status line decides: a body that is cut short or never comes must not make a 429 be ignored.
    """
    status = response.status
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        wait = read_retry_after(_header(response, "retry-after"), datetime.now(UTC))
        raise CarrierLimited("the carrier has been asked too often (429)", retry_after_seconds=wait)
    if status in (401, 403):
        refused = f"the carrier does not accept the key ({status})"
        raise CarrierRefused(refused, status=status, body=await _words(response))
    if status >= 500 or status // 100 == 3:  # noqa: PLR2004 - classes of status codes
        raise CarrierUnavailable(f"the carrier answered {status}")


async def _read(response: Response) -> bytes:
    body = bytearray()
    while (chunk := await response.body_reader.read(_READ_BYTES)) is not None:
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise CarrierUnreadable(f"the response is longer than {MOST_BODY_BYTES:,} bytes")
    return bytes(body)


def _header(response: Response, name: str) -> str | None:
    try:
        return response.get_header(name)
    except ValueError:  # bytes that are no ASCII
        return None


async def _words(response: Response) -> bytes:
    """Return the beginning of a body; nothing if it is cut short before that."""
    body = bytearray()
    with suppress(PyreqwestError):
        while len(body) < MOST_WORDS_BYTES and (chunk := await response.body_reader.read(MOST_WORDS_BYTES)) is not None:
            body += chunk
    return bytes(body[:MOST_WORDS_BYTES])


def _cause(error: PyreqwestError) -> str:
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or [] if "http" not in cause["message"]]
    if any("failed to lookup address" in cause for cause in causes):
        return "its host name could not be resolved"
    return causes[-1] if causes else type(error).__name__
