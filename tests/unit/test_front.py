"""The first checks of every request: client address and host."""

from ipaddress import ip_network
from typing import Any

import pytest

from waypost.app.front import behind_proxies, for_our_host, head_as_get

Headers = list[tuple[bytes, bytes]]
TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


async def pass_on(front: Any, *, headers: Headers, path: str = "/", client: object = None, version: str = "1.1") -> Any:
    """Return the scope that reached the application, or the status of the answer before it."""
    reached: list[Any] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(scope)

    async def send(message: Any) -> None:
        reached.append(message.get("status", reached[-1] if reached else None))

    async def receive() -> Any:
        raise AssertionError("a body is read")

    scope = {"type": "http", "http_version": version, "path": path, "client": client, "headers": headers}
    await front(application)(scope, receive, send)
    return reached[0]


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.9, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
        ("10.0.0.1", ["192.0.2.9", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("10.0.0.1", ["192.0.2.9,nonsense"], "nonsense"),
        ("10.0.0.1", ["192.0.2.1:4711"], "192.0.2.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::ffff:198.51.100.7", ["192.0.2.1"], "198.51.100.7"),
        ("fd00::1", ["2001:DB8:0::1"], "2001:db8::1"),
        ("", ["192.0.2.1"], ""),
    ],
)
async def test_the_client_address_is_the_nearest_untrusted_one(client: str, forwarded: list[str], address: str) -> None:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]

    scope = await pass_on(lambda app: behind_proxies(TRUSTED, app), headers=headers, client=(client, 1))

    assert scope["client"] == (address, 1)


async def test_a_client_without_an_address_has_an_empty_one() -> None:
    scope = await pass_on(lambda app: behind_proxies(TRUSTED, app), headers=[])

    assert scope["client"] == ("", 0)


async def asked_for(*hosts: str, public_url: str | None = "https://Track.example:8443", **options: Any) -> int:
    """Return the status that a request for hosts is answered with; 200 stands for the application's own."""
    headers = [(b"host", host.encode("latin-1")) for host in hosts]
    found = await pass_on(lambda app: for_our_host(public_url, app), headers=headers, **options)
    return found if isinstance(found, int) else 200


@pytest.mark.parametrize(
    "host",
    [
        *("track.example", "TRACK.example:443", "track.example.", "127.0.0.1:8080", "[::1]:8080", "[2001:db8::1]"),
        *("localhost:8080", "waypost", "waypost:8080", "waypost.default.svc.cluster.local", "app.localhost"),
    ],
)
async def test_the_public_host_ip_addresses_and_private_names_are_accepted(host: str) -> None:
    assert await asked_for(host) == 200


@pytest.mark.parametrize("host", ["evil.example", "track.example.evil.example", "x.track.example", "127.0.0.1.nip.io"])
async def test_other_host_names_are_rejected_if_the_public_url_is_set(host: str) -> None:
    assert await asked_for(host) == 421
    assert await asked_for(host, path="/v1/endpoints") == 421
    assert await asked_for(host, public_url=None) == 200


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
async def test_internal_monitoring_may_use_any_name_of_the_machine(path: str) -> None:
    assert await asked_for("web-1.prod.example", path=path) == 200


@pytest.mark.parametrize("public_url", [None, "https://track.example"])
@pytest.mark.parametrize("hosts", [(), ("a.example", "a.example"), ("",), ("a b",), ("a.b@c.example",), ("ä",)])
async def test_requests_without_exactly_one_valid_host_are_rejected(
    hosts: tuple[str, ...], public_url: str | None
) -> None:
    assert await asked_for(*hosts, public_url=public_url) == 400


@pytest.mark.parametrize("version", ["1", "1.0"])
async def test_http_1_0_clients_without_a_host_are_served_if_any_host_is_accepted(version: str) -> None:
    assert await asked_for(public_url=None, version=version) == 200
    assert await asked_for(version=version) == 400
    assert await asked_for(version=version, path="/health/ready") == 200
    assert await asked_for("", version=version, path="/health/ready") == 200


async def answered(method: str, status: int, headers: Headers, body: bytes = b"") -> tuple[str, list[Any]]:
    """Return the method that reached the application, and what was sent of its answer."""
    reached, sent = [], []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        reached.append(scope["method"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def send(message: Any) -> None:
        sent.append(message)

    await head_as_get(application)({"type": "http", "method": method}, None, send)  # type: ignore[arg-type]
    return reached[0], sent


async def test_head_gets_the_headers_of_get_and_no_body() -> None:
    headers = [(b"content-type", b"text/html"), (b"content-length", b"4")]

    method, (start, body) = await answered("HEAD", 200, headers, b"page")

    assert (method, start["headers"], body["body"]) == ("GET", headers, b"")


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 204), ("PUT", 405)])
@pytest.mark.parametrize(
    ("allowed", "shown"), [(b"GET, OPTIONS", b"GET, HEAD, OPTIONS"), (b"OPTIONS, POST", b"OPTIONS, POST")]
)
async def test_head_is_allowed_where_get_is(method: str, status: int, allowed: bytes, shown: bytes) -> None:
    _, (start, _) = await answered(method, status, [(b"Allow", allowed), (b"vary", b"GET")])

    assert start["headers"] == [(b"Allow", shown), (b"vary", b"GET")]
