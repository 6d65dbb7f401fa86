"""No forbidden address is ever connected to: the last check before each connection (promise 6).

The name is looked up here and nowhere after: the transport gets one address that was judged. If any of a name's
addresses is forbidden the delivery is refused, so that mixed answers and rebinding gain nothing.
"""

import asyncio
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol

import msgspec

from waypost.domain.addresses import judge_address
from waypost.domain.attempts import Outcome
from waypost.domain.targets import ForbiddenUrl, Ports, Target, parse_target

IPAddress = IPv4Address | IPv6Address
MOST_ADDRESSES: Final = 64


class Resolver(Protocol):
    """Whoever knows the addresses of a name."""

    async def resolve(self, host: str) -> list[IPAddress]:
        """Give all addresses of a host, OSError when there are none."""


class SystemResolver:
    """The operating system's resolver."""

    async def resolve(self, host: str) -> list[IPAddress]:
        """See ``Resolver``."""
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [ip_address(entry[4][0]) for entry in found]


class Admitted(msgspec.Struct, frozen=True):
    """A target and the one address of it that may be connected to."""

    target: Target
    address: IPAddress


@lru_cache(maxsize=4096)
def _parse(url: str, ports: Ports) -> Target:
    """Parse once: an endpoint's URL is the same for thousands of deliveries. What was refused is parsed again."""
    return parse_target(url, ports=ports)


class Guard:
    """Judges where a delivery goes. ``allow`` are the networks that the operator opened (EGRESS_ALLOW)."""

    def __init__(self, resolver: Resolver, *, ports: Ports, allow: tuple[IPv4Network | IPv6Network, ...] = ()) -> None:
        self._resolver = resolver
        self._ports = ports
        self._allow = allow

    async def admit(self, url: str) -> Admitted | Outcome:
        """Give the address to connect to, or the outcome of the attempt when there is none."""
        try:
            target = _parse(url, self._ports)
        except ForbiddenUrl:
            return Outcome.ADDRESS_FORBIDDEN
        if target.address is not None:
            addresses = [target.address]
        else:
            try:
                addresses = await self._resolver.resolve(target.host)
            except (OSError, UnicodeError):
                return Outcome.DNS_FAILED
        if not addresses:
            return Outcome.DNS_FAILED
        if len(addresses) > MOST_ADDRESSES or any(judge_address(one, self._allow) for one in addresses):
            return Outcome.ADDRESS_FORBIDDEN
        return Admitted(target, addresses[0])
