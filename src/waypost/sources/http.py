"""One GET to a carrier: the only place of this package that knows the HTTP client.

One deadline spans connecting, TLS, headers and body. No redirect is followed, no cookie kept, no proxy taken from the
environment, nothing decompressed, and a body that is longer than 1 MiB is refused.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

import msgspec
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.response import Response

from waypost.domain.carriers import CarrierLimited, CarrierRefused, CarrierUnavailable
from waypost.domain.errors import InvalidInput
from waypost.domain.retry import read_retry_after
from waypost.domain.targets import Ports, parse_target

MOST_BODY_BYTES: Final = 1_048_576
_READ_BYTES: Final = 65_536
_IDLE: Final = timedelta(seconds=30)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
_ANY_PORT: Final = Ports.parse("1-65535")


class Answer(msgspec.Struct, frozen=True):
    """What a carrier answered: any status but those that mean trouble with the carrier as a whole."""

    status: int
    body: bytes


class CarrierHttp:
    """Asks carriers over HTTP; ``user_agent`` names the installation and how to reach its operator."""

    def __init__(self, *, timeout_seconds: float, user_agent: str) -> None:
        self._timeout_seconds = timeout_seconds
        self._client = _build(user_agent)

    async def get(self, url: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Give the answer to one GET. Raises CarrierLimited on 429, CarrierRefused on 401 and 403.

        Raises CarrierUnavailable where no answer came in time or whole, and on 5xx and redirects.
        """
        request = self._client.get(url).query(list(query.items()))
        for name, value in headers.items():
            request = request.header(name, value, is_sensitive=True)
        sent = request.streamed_read_buffer_limit(_READ_BYTES).build_streamed()
        try:
            async with asyncio.timeout(self._timeout_seconds), sent as response:
                _refuse_trouble(response)
                return Answer(response.status, await _read(response))
        except TimeoutError as error:
            raise CarrierUnavailable(f"no answer within {self._timeout_seconds:g} s") from error
        except PyreqwestError as error:
            # The client's own text holds the URL, and with it a tracking number.
            raise CarrierUnavailable(f"no answer: {_cause(error)}") from None

    async def close(self) -> None:
        """Close what is connected."""
        await self._client.close()


def check_base_url(text: str, *, setting: str) -> str:
    """Give a carrier's base URL without a final slash; InvalidInput that names the setting for one that can't be used.

    Plain http is for this machine only: the key travels with every request.
    """
    try:
        target = parse_target(text, ports=_ANY_PORT)
    except InvalidInput as error:
        raise InvalidInput(setting, error.message) from None
    if "?" in target.url:
        raise InvalidInput(setting, "must not have a query")
    if target.scheme == "http" and not _is_this_machine(target.host):
        raise InvalidInput(setting, "must begin with https://, or the key could be read on its way")
    return target.url.rstrip("/")


def check_key(text: str, *, setting: str) -> str:
    """Give an API key back; InvalidInput that names the setting for one that no header can hold."""
    if not _KEY.fullmatch(text):
        raise InvalidInput(setting, "has 1 to 200 printable ASCII characters and no spaces")
    return text


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


def _refuse_trouble(response: Response) -> None:
    """Raise for what concerns the carrier or the credential and not the parcel."""
    status = response.status
    if status == 429:  # noqa: PLR2004 - Too Many Requests
        wait = read_retry_after(response.get_header("retry-after"), datetime.now(UTC))
        raise CarrierLimited("the carrier has been asked too often (429)", retry_after_seconds=wait)
    if status in (401, 403):
        raise CarrierRefused(f"the carrier does not accept the key ({status})")
    if status >= 500 or status // 100 == 3:  # noqa: PLR2004 - classes of status codes
        raise CarrierUnavailable(f"the carrier answered {status}")


async def _read(response: Response) -> bytes:
    body = bytearray()
    while (chunk := await response.body_reader.read(_READ_BYTES)) is not None:
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise CarrierUnavailable(f"the answer is longer than {MOST_BODY_BYTES:,} bytes")
    return bytes(body)


def _cause(error: PyreqwestError) -> str:
    details = getattr(error, "details", None) or {}
    causes = [cause["message"] for cause in details.get("causes") or [] if "http" not in cause["message"]]
    return causes[-1] if causes else type(error).__name__


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
