"""Addresses that nothing may be sent to: vectors from incidents in webhook senders."""

from ipaddress import ip_address, ip_network

import pytest

from waypost.domain.ip_addresses import judge_address
from waypost.domain.targets import ForbiddenUrl, Ports, parse_target

PORTS = Ports.parse("80,443,8080,8443")
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

FORBIDDEN = """
0.0.0.0 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 168.63.129.16 169.254.169.254
172.16.0.1 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1
203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1
::ffff:0:7f00:1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::7f00:1 100::1 2001::1 2001:db8::1
2002:7f00:1:: 3fff::1 5f00::1 fc00::1 fe80::1 fec0::1 ff02::1
"""


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_forbidden_addresses_are_rejected(address: str) -> None:
    assert judge_address(ip_address(address)) is not None


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "2a00:1450::1"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert judge_address(ip_address(address)) is None


def test_the_operator_can_open_private_networks_but_never_the_metadata_service() -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))

    assert judge_address(ip_address("127.0.0.1"), LOOPBACK) is None
    assert judge_address(ip_address("10.0.0.1"), LOOPBACK) is not None
    assert judge_address(ip_address("169.254.169.254"), everything) is not None
    assert judge_address(ip_address("fe80::1"), everything) is not None
    assert judge_address(ip_address("::ffff:169.254.169.254"), everything) is not None


@pytest.mark.parametrize(
    "url",
    [
        *("", "shop.test", "ftp://shop.test/", "http://", "http://ok@127.0.0.1/", "http://u:p@shop.test/"),
        *("http://127.1/", "http://0/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/"),
        *("http://\uff11\uff12\uff17.0.0.1/", "http://shop.test./", "http://[fe80::1%25eth0]/", "http://shop%2etest/"),
        *("http://shop.test:22/", "http://shop.test/#part", "http://shop.test\\@127.0.0.1/", "http://shop .test/"),
        *("http://shop.test/\r\nx: y", "http://[::1", "http://shop.test:99999/", "http://" + "a" * 254 + "/"),
        "http://shop.test/" + "a" * 2048,
    ],
)
def test_ambiguous_urls_are_rejected_with_the_field(url: str) -> None:
    with pytest.raises(ForbiddenUrl) as refused:
        parse_target(url, ports=PORTS)

    assert refused.value.field == "url"


def test_a_rejected_port_names_the_setting() -> None:
    with pytest.raises(ForbiddenUrl, match="EGRESS_PORTS"):
        parse_target("https://shop.test:22/", ports=PORTS)


def test_ordinary_urls_are_split_into_their_parts() -> None:
    target = parse_target("https://Shop.Test/hook?a=b", ports=PORTS)

    assert (target.scheme, target.host, target.port) == ("https", "shop.test", 443)
