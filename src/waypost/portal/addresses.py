"""Where a visitor comes from, as far as proxies may be believed."""

import re
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from litestar import Request

from waypost.domain.addresses import IPAddress
from waypost.portal.parts import Pages

# Some proxies write the port behind the address.
_HOP: Final = re.compile(r"\[(?P<v6>[^\]]*)\](?::\d+)?|(?P<v4>[^:]*):\d+")


def address_of(request: Request[Any, Any, Any], pages: Pages) -> str:
    """Give the visitor's address: the nearest that no trusted proxy of ours vouches for."""
    client = request.client
    address = _plain(client.host) if client else ""
    # Of several headers, too: some proxies add one of their own below the one that the visitor sent.
    lines = request.headers.getall("x-forwarded-for", [])
    hops = [hop.strip() for line in lines for hop in line.split(",") if hop.strip()]
    while hops and _is_trusted(address, pages):
        address = _plain(hops.pop())
    return address


def _plain(text: str) -> str:
    """Give an address as it is always written, IPv4 in IPv6 as IPv4; what is none stays as it is."""
    found = _HOP.fullmatch(text)
    address = _address(found["v6"] or found["v4"] or "" if found else text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return text if address is None else str(address)


def _is_trusted(text: str, pages: Pages) -> bool:
    address = _address(text)
    return address is not None and any(
        address.version == network.version and address in network for network in pages.trusted_proxies
    )


def _address(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
