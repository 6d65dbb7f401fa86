"""The guard admits checked addresses, or none: promise 6."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from tests.support.resolver import TableResolver
from waypost.dispatch.guard import MOST_ADDRESSES, Admitted, Guard
from waypost.dispatch.own_addresses import OwnAddresses
from waypost.domain.attempts import Outcome
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import ForbiddenUrl, Ports

PORTS = Ports.parse("80,443")
PUBLIC, OTHER = "1.1.1.1", "2606:4700::1111"
NOBODY: frozenset[IPAddress] = frozenset()
# What names in incidents with webhook senders led to, in the forms that got past their checks.
VECTORS = """
127.0.0.1 0.0.0.0 ::1 :: ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
64:ff9b:1::7f00:1 2002:7f00:1:: ::127.0.0.1 fe80::1 fe80::1%eth0 fc00::1 100.64.0.1 100.100.100.200 169.254.169.254
168.63.129.16 198.18.0.1 240.0.0.1 255.255.255.255 224.0.0.1 ff02::1 10.0.0.1 172.16.0.1 192.168.0.1 192.0.0.8
192.0.0.192 192.88.99.1 fec0::1 3fff::1 5f00::1 2001:db8::1 2001:0:7f00:1:: 2a00::5efe:7f00:1 2a00::200:5efe:7f00:1
fd00:ec2::254
"""


def guard(*answers: Sequence[str], own: frozenset[IPAddress] = NOBODY, allow: str | None = None) -> Guard:
    networks = () if allow is None else (ip_network(allow),)
    resolver = TableResolver.of("shop.test", *[list(answer) for answer in answers])
    return Guard(resolver, ports=PORTS, allow=networks, own=own)


async def test_a_name_is_admitted_with_all_its_addresses_in_order() -> None:
    admitted = await guard([PUBLIC, OTHER]).admit("https://shop.test/hook")

    assert isinstance(admitted, Admitted)
    assert (admitted.target.host, [str(one) for one in admitted.addresses]) == ("shop.test", [PUBLIC, OTHER])


@pytest.mark.parametrize("address", VECTORS.split())
async def test_a_name_with_a_forbidden_address_is_rejected(address: str) -> None:
    assert await guard([address]).admit("https://shop.test/") is Outcome.ADDRESS_FORBIDDEN


@pytest.mark.parametrize("address", VECTORS.split())
async def test_one_forbidden_address_among_public_ones_rejects_the_name(address: str) -> None:
    assert await guard([PUBLIC, OTHER, address]).admit("https://shop.test/") is Outcome.ADDRESS_FORBIDDEN


@pytest.mark.parametrize("address", [one for one in VECTORS.split() if "%" not in one])
async def test_a_forbidden_address_in_the_url_is_rejected(address: str) -> None:
    host = f"[{address}]" if ":" in address else address

    assert await guard().admit(f"https://{host}/") is Outcome.ADDRESS_FORBIDDEN


async def test_a_public_address_in_the_url_is_admitted_without_a_lookup() -> None:
    resolver = TableResolver()

    admitted = await Guard(resolver, ports=PORTS, own=NOBODY).admit(f"https://[{OTHER}]/")

    assert isinstance(admitted, Admitted)
    assert [str(one) for one in admitted.addresses] == [OTHER]
    assert resolver.asked == {}


async def test_a_changed_dns_answer_is_checked_again() -> None:
    rebinding = guard([PUBLIC], ["127.0.0.1"])

    first, second = await rebinding.admit("https://shop.test/"), await rebinding.admit("https://shop.test/")

    assert isinstance(first, Admitted)
    assert second is Outcome.ADDRESS_FORBIDDEN


async def test_an_invalid_url_is_rejected_without_a_lookup() -> None:
    resolver = TableResolver.of("shop.test", [PUBLIC])
    port_22 = Guard(resolver, ports=PORTS, own=NOBODY)

    assert await port_22.admit("https://shop.test:22/") is Outcome.ADDRESS_FORBIDDEN
    assert await port_22.admit("https://u@shop.test/") is Outcome.ADDRESS_FORBIDDEN
    assert resolver.asked == {}


async def test_a_name_without_addresses_has_its_own_error() -> None:
    assert await guard([]).admit("https://shop.test/") is Outcome.DNS_FAILED
    assert await guard([PUBLIC]).admit("https://other.test/") is Outcome.DNS_FAILED


async def test_a_name_with_too_many_addresses_is_rejected() -> None:
    many = [str(ip_address(PUBLIC) + offset) for offset in range(MOST_ADDRESSES + 1)]

    assert await guard(many).admit("https://shop.test/") is Outcome.ADDRESS_FORBIDDEN
    assert isinstance(await guard(many[1:]).admit("https://shop.test/"), Admitted)


async def test_this_hosts_public_address_is_rejected_unless_opened() -> None:
    own = frozenset({ip_address(PUBLIC)})

    assert await guard([PUBLIC], own=own).admit("https://shop.test/") is Outcome.ADDRESS_FORBIDDEN
    assert isinstance(await guard([PUBLIC], own=own, allow="1.1.1.0/24").admit("https://shop.test/"), Admitted)


def test_this_hosts_own_addresses_are_those_of_its_interfaces() -> None:
    own = OwnAddresses()

    assert ip_address("127.0.0.1") in own
    assert ip_address(PUBLIC) not in own


def test_this_hosts_addresses_are_refreshed() -> None:
    time = [0.0]
    interfaces: list[frozenset[IPAddress]] = [NOBODY]
    own = OwnAddresses(read=lambda: interfaces[0], now=lambda: time[0])
    seen = [ip_address(PUBLIC) in own]

    interfaces[0] = frozenset({ip_address(PUBLIC)})
    seen.append(ip_address(PUBLIC) in own)
    time[0] = 10.0
    seen.append(ip_address(PUBLIC) in own)

    assert seen == [False, False, True]


def test_if_interfaces_cannot_be_listed_bindable_addresses_are_ours() -> None:
    own = OwnAddresses(read=lambda: None)

    assert ip_address("127.0.0.1") in own
    assert ip_address(PUBLIC) not in own


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LOCALHOST", "app.localhost", "localhost.localdomain", "ip6-localhost", "localhost6"),
        *("postgres", "printer.local", "metadata.google.internal", "nas.home.arpa", "wiki.lan"),
    ],
)
def test_saving_an_endpoint_with_a_local_or_private_name_is_rejected(host: str) -> None:
    with pytest.raises(ForbiddenUrl, match="nothing is sent to"):
        guard().check(f"https://{host}/hook")


def test_local_names_need_this_hosts_addresses_opened_and_private_names_any_network() -> None:
    private, loopback = guard(allow="10.0.0.0/8"), guard(allow="::1/128")

    loopback.check("http://localhost/hook")
    private.check("http://postgres/hook")
    with pytest.raises(ForbiddenUrl, match="this server itself"):
        private.check("http://app.localhost/hook")


@pytest.mark.parametrize("host", ["shop.example", "localhost.shop.example", "local.example", "corp.example"])
def test_saving_an_endpoint_with_a_public_name_is_accepted(host: str) -> None:
    guard().check(f"https://{host}/hook")
