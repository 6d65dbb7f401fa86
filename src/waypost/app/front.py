"""The checks that every request passes before anything reads it: where it comes from, and for which host it is.

Proxies are trusted by the networks in TRUSTED_PROXIES. A host is compared with PUBLIC_URL if that is set, so that a
page of another site can't reach this server through a name of its own that resolves to it (DNS rebinding).
"""

import asyncio
import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from waypost.api.inbound import LONGEST_LENGTH
from waypost.app.refusals import RefusalPace
from waypost.domain.ip_addresses import IPAddress, IPNetwork
from waypost.domain.targets import judge_name
from waypost.portal.networks import networks_of
from waypost.rest import stir
from waypost.turns import NOBODY, account_of_call, short_call

FOR_ANY_HOST: Final = ("/health/", "/metrics")
"""Requests from inside use the machine's own names, which PUBLIC_URL does not contain."""

HTTP_1_0: Final = ("1", "1.0")
"""The version whose requests may go without a host, such as HAProxy's checks. Granian writes it ``1``."""

# Some proxies append the port to the address.
_HOP: Final = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")
_HOST: Final = re.compile(r"(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?", re.ASCII)


def behind_proxies(trusted: Iterable[IPNetwork], application: ASGIApp) -> ASGIApp:
    """Return the application with each client set to the nearest address that no trusted proxy vouches for."""
    networks = tuple(trusted)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            host, port = scope["client"] or ("", 0)
            scope["client"] = _believed(host, scope, networks), port
        await application(scope, receive, send)

    return serve


def for_our_host(public_url: str | None, application: ASGIApp) -> ASGIApp:
    """Return the application restricted to the host of ``public_url`` and to names that nobody else can have.

    Those are addresses, and names without a dot or of private networks: no public name server answers for them. Without
    a public URL any single host is accepted. Requests for another host get 421, requests without a host or with two get
    400.
    """
    ours = None if public_url is None else (urlsplit(public_url).hostname or "")

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        status = _refused(scope, ours) if scope["type"] == ScopeType.HTTP else None
        for_the_operator = scope.get("path", "").startswith(FOR_ANY_HOST)  # a health check changes nothing
        if not for_the_operator:
            stir()
        if status is None:
            with short_call(None if for_the_operator else NOBODY):
                await application(scope, receive, send)
        else:
            await _answer(send, status, ours)

    return serve


def refusing_slowly(application: ASGIApp, pace: RefusalPace) -> ASGIApp:
    """Return the application with repeated refusals (429) delayed, per account or, without one, per network."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            is_refusal = message["type"] == "http.response.start" and message["status"] == HTTPStatus.TOO_MANY_REQUESTS
            if is_refusal and (wait := pace.seconds(_refused_one(scope), _declared_length(scope))):
                await asyncio.sleep(wait)
            await send(message)

        await application(scope, receive, send_in_time)

    return serve


def head_as_get(application: ASGIApp) -> ASGIApp:
    """Return the application that answers HEAD like GET, without the body."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [_with_head(*header) for header in message["headers"]]
            await send(message)

        if scope["type"] != ScopeType.HTTP or scope["method"] == HttpMethod.GET:
            await application(scope, receive, send)
        elif scope["method"] == HttpMethod.HEAD:
            scope["method"] = HttpMethod.GET
            await application(scope, receive, send_head)
        else:
            await application(scope, receive, send_allowed)

    return serve


def _refused_one(scope: Scope) -> UUID | str:
    account, client = account_of_call(), scope["client"]
    return networks_of(client[0] if client else "")[0][0] if account in (None, NOBODY) else account


def _declared_length(scope: Scope) -> int:
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(said) if said.isdigit() and len(said) <= LONGEST_LENGTH else 0


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a header; what names GET as a method of a path names HEAD, too."""
    if name.lower() != b"allow":
        return name, value
    methods = {method.strip() for method in value.decode("latin-1").split(",")}
    return name, ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set()))).encode("latin-1")


def _believed(client: str, scope: Scope, trusted: tuple[IPNetwork, ...]) -> str:
    address = _plain(client)
    # Several headers are joined, because some proxies add their own below the one that the visitor sent.
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops = [hop.strip() for line in lines for hop in line.split(",") if hop.strip()]
    while hops and _is_inside(address, trusted):
        address = _plain(hops.pop())
    return address


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    """Return an address in its canonical form, IPv4 in IPv6 as IPv4; anything else is returned unchanged."""
    found = _HOP.fullmatch(text)
    address = _address(found["v6"] or found["v4"] or "" if found else text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return text if address is None else str(address)


def _is_inside(text: str, networks: tuple[IPNetwork, ...]) -> bool:
    address = _address(text)
    return address is not None and any(
        address.version == network.version and address in network for network in networks
    )


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _refused(scope: Scope, ours: str | None) -> HTTPStatus | None:
    """Return why a request's host is rejected, None if it is accepted."""
    hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
    for_any_host = ours is None or scope["path"].startswith(FOR_ANY_HOST)
    if hosts in ([], [""]) and scope["http_version"] in HTTP_1_0 and for_any_host:  # Granian adds an empty one
        return None
    found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
    if found is None:
        return HTTPStatus.BAD_REQUEST
    host = found["host"].removesuffix(".")
    if for_any_host or host == ours:
        return None
    return None if _address(host.strip("[]")) or judge_name(host) else HTTPStatus.MISDIRECTED_REQUEST


async def _answer(send: Send, status: HTTPStatus, ours: str | None) -> None:
    detail = "The request must have exactly one valid Host header."
    if status is HTTPStatus.MISDIRECTED_REQUEST:
        detail = f"This server answers for {ours}, as WAYPOST_PUBLIC_URL says. The Host header names another."
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": msgspec.json.encode(body) + b"\n", "more_body": False})
