"""When endpoints' certificates expire: read from real TLS servers on loopback, by way of the guard."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from tests.support.certificates import Authority, make_authority, serve_as
from tests.support.resolver import TableResolver
from waypost.app.doctor import Severity, expiring
from waypost.dispatch import certificates
from waypost.dispatch.guard import Guard
from waypost.domain.targets import Ports

LOOPBACK = (ip_network("127.0.0.0/8"),)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority()


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[int]:
    """Serve connections that are accepted and never answered."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def expiries(authority: Authority, *urls: str, allow: bool = True) -> dict[str, datetime]:
    hosts = TableResolver(**{"shop.test": [["127.0.0.1"]]})
    guard = Guard(hosts, ports=Ports.parse("1-65535"), allow=LOOPBACK if allow else ())
    return dict(await certificates.expiries(guard, urls, certificates.trusting(authority.pem)))


async def test_the_expiry_of_a_valid_certificate_is_read(authority: Authority) -> None:
    async with serving(serve_as(authority, "shop.test", days=9)) as port:
        found = await expiries(authority, f"https://shop.test:{port}/a", f"https://shop.test:{port}/b")

    assert list(found) == ["shop.test"]
    assert timedelta(days=8) < found["shop.test"] - datetime.now(UTC) <= timedelta(days=9)


async def test_servers_without_a_valid_certificate_are_left_out(authority: Authority) -> None:
    for context in (serve_as(authority, "shop.test", days=-1), serve_as(authority, "other.test")):
        async with serving(context) as port:
            assert await expiries(authority, f"https://shop.test:{port}/") == {}
    assert await expiries(authority, f"https://shop.test:{port}/", "https://nowhere.test/") == {}  # closed, unknown


async def test_a_forbidden_address_is_not_connected_to(authority: Authority) -> None:
    met: list[object] = []
    server = await asyncio.start_server(lambda *peer: met.append(peer), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await expiries(authority, f"https://shop.test:{port}/", allow=False) == {}
    assert met == []


def test_certificates_that_expire_within_two_weeks_are_named_first_things_first() -> None:
    hosts = {"late.test": NOW + timedelta(days=13), "soon.test": NOW + timedelta(days=2)}

    fine = expiring({"shop.test": NOW + timedelta(days=15)}, NOW)
    warning = expiring(hosts | {"shop.test": NOW + timedelta(days=90)}, NOW)

    assert fine.state is Severity.FINE
    assert warning.state is Severity.WARNING
    assert "soon.test on 2026-03-03, late.test on 2026-03-14." in warning.says


def test_only_the_first_of_many_hosts_are_named() -> None:
    many = {f"host-{number:02}.test": NOW + timedelta(days=1) for number in range(30)}

    assert expiring(many, NOW).says.endswith("host-09.test on 2026-03-02 and 20 more.")
