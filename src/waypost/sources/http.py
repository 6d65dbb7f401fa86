"""Sends requests to carriers: the only module of this package that knows the HTTP client.

One deadline spans connecting, TLS, headers and body. No redirect is followed, no cookie kept, no proxy taken from the
environment, nothing decompressed, and a body longer than 1 MiB is rejected. A call that fails because its kept
connection was broken is repeated once: every call here only reads, so a second one does no harm.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import NetworkError, PyreqwestError, RequestTimeoutError
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable, CarrierUnreadable
from waypost.domain.retry import read_retry_after

MOST_BODY_BYTES: Final = 1_048_576
MOST_WORDS_BYTES: Final = 4_096
"""How much of an answer that rejects a credential is kept, for the carrier's own words."""

_READ_BYTES: Final = 65_536
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
        """Return the answer to one POST of a body whose type is in ``headers``. Raises the errors of ``get``."""
        return await self._send(lambda: self._client.post(url).body_bytes(body), headers)

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
            raise CarrierUnavailable(f"no answer within {self._timeout_seconds:g} s") from error
        except PyreqwestError as error:
            # The client's own text contains the URL, and with it a tracking number.
            raise CarrierUnavailable(f"no answer: {_cause(error)}") from None

    async def _attempt(self, request: RequestBuilder, headers: Mapping[str, str], ends: float) -> CarrierAnswer:
        for name, value in headers.items():
            request = request.header(name, value, is_sensitive=True)
        # The client's own deadline, not asyncio's: a request whose task is cancelled goes on for ever in 0.15.
        left = timedelta(seconds=max(0.001, ends - time.monotonic()))
        async with request.timeout(left).streamed_read_buffer_limit(_READ_BYTES).build_streamed() as response:
            answer = CarrierAnswer(response.status, await _read(response))
            _refuse_trouble(response, answer)
            return answer

    async def close(self) -> None:
        """Close the open connections."""
        await self._client.close()


def _build(user_agent: str) -> Client:
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
        .build()
    )


def _refuse_trouble(response: Response, answer: CarrierAnswer) -> None:
    """Raise for answers that concern the carrier or the credential rather than the parcel."""
    status = answer.status
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        wait = read_retry_after(response.get_header("retry-after"), datetime.now(UTC))
        raise CarrierLimited("the carrier has been asked too often (429)", retry_after_seconds=wait)
    if status in (401, 403):
        refused = f"the carrier does not accept the key ({status})"
        raise CarrierRefused(refused, status=status, body=answer.body[:MOST_WORDS_BYTES])
    if status >= 500 or status // 100 == 3:  # noqa: PLR2004 - classes of status codes
        raise CarrierUnavailable(f"the carrier answered {status}")


async def _read(response: Response) -> bytes:
    body = bytearray()
    while (chunk := await response.body_reader.read(_READ_BYTES)) is not None:
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise CarrierUnreadable(f"the answer is longer than {MOST_BODY_BYTES:,} bytes")
    return bytes(body)


def _cause(error: PyreqwestError) -> str:
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or [] if "http" not in cause["message"]]
    return causes[-1] if causes else type(error).__name__
