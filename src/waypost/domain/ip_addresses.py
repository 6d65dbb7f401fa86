"""Which IP addresses an account's requests may be sent to.

The rules are those of the IANA special-purpose registries, and slightly stricter: an address that does not lead to the
public internet is rejected, even if it is wrapped in one of IPv6's transition forms.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(ip_network(text) for text in texts)


# No setting opens these: they lead to the metadata services of cloud providers, which hand out credentials, or to no
# particular host.
_NEVER = _networks(
    "0.0.0.0/8",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.192/32",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "fd00:ec2::/32",
    "fd20:ce::/32",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_REFUSED_IPV4 = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "240.0.0.0/4",
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_REFUSED_IPV6 = _networks("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")

_LAST_32_BITS = (1 << 32) - 1
# The last 32 bits of these are an IPv4 address: compatible, mapped, SIIT, NAT64 (well-known and local).
_IPV4_AT_THE_END = _networks("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP_IDENTIFIERS = frozenset({0x00005EFE, 0x02005EFE})


def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that an IPv6 address carries in one of the transition forms; empty if none."""
    if address.is_unspecified or address.is_loopback:
        return ()  # :: and ::1 look like IPv4-compatible addresses but are not
    number = int(address)
    last = number & _LAST_32_BITS
    if any(address in network for network in _IPV4_AT_THE_END):
        return (IPv4Address(last),)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & _LAST_32_BITS),)
    if address in _TEREDO:
        # The server is in bits 32 to 63; the client is at the end, with all its bits inverted.
        return (IPv4Address(number >> 64 & _LAST_32_BITS), IPv4Address(last ^ _LAST_32_BITS))
    if number >> 32 & _LAST_32_BITS in _ISATAP_IDENTIFIERS:
        return (IPv4Address(last),)
    return ()


@lru_cache(maxsize=4096)
def judge_address(address: IPAddress, allow: tuple[IPNetwork, ...] = ()) -> str | None:
    """Return why nothing may be sent to an address; None if it is allowed.

    ``allow`` are networks that the operator opened for the whole installation. They never open link-local addresses,
    the metadata services of clouds, multicast or the unspecified address. The reason does not contain the address.
    """
    if any(address in network for network in _NEVER):
        return "it is a link-local, metadata, multicast or unspecified address"
    if isinstance(address, IPv4Address):
        refused = _inside(address, _REFUSED_IPV4)
    elif any(judge_address(inner, allow) is not None for inner in embedded_ipv4(address)):
        return "it contains a forbidden IPv4 address"
    else:
        refused = address not in _PUBLIC_IPV6 or _inside(address, _REFUSED_IPV6)
    return "it is a private or reserved address" if refused and not _inside(address, allow) else None


def _inside(address: IPAddress, networks: Iterable[IPNetwork]) -> bool:
    return any(address in network for network in networks)
