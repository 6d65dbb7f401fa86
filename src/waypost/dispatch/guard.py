"""Ensures that no forbidden address is ever connected to: the last check before each connection (promise 6).

A name is resolved here and nowhere later: the transport gets addresses that were judged. If any address of a name is
forbidden, the delivery is rejected, so that mixed answers and rebinding gain nothing.
"""

import time
from collections.abc import Callable, Container
from functools import lru_cache
from typing import Final

import msgspec

from waypost.dispatch.own_addresses import OwnAddresses
from waypost.dispatch.resolver import Resolver
from waypost.domain.attempts import Outcome
from waypost.domain.ip_addresses import IPAddress, IPNetwork, judge_address
from waypost.domain.targets import ForbiddenUrl, Ports, Target, judge_name, parse_target

MOST_ADDRESSES: Final = 64
REMEMBERED: Final = 4096
RECENT_SECONDS: Final = 1.0
"""How long an admitted target is not judged again: under load it is asked for a thousand times a second."""


class Admitted(msgspec.Struct, frozen=True):
    """A target and its addresses, which may be connected to, the best first."""

    target: Target
    addresses: tuple[IPAddress, ...]


class Guard:
    """Judges to which addresses a delivery may be sent.

    ``allow`` are the networks that the operator opened (EGRESS_ALLOW). ``own`` are this host's own addresses, which are
    rejected unless they lie in one of those networks.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        ports: Ports,
        allow: tuple[IPNetwork, ...] = (),
        own: Container[IPAddress] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._allow = allow
        self._own = OwnAddresses() if own is None else own
        self._now = now
        self._recent: dict[str, tuple[float, Admitted]] = {}
        # Computed once, since it does not change: this runs for every delivery.
        self._parse = lru_cache(REMEMBERED)(lambda url: parse_target(url, ports=ports))
        self._judge = lru_cache(REMEMBERED)(lambda address: judge_address(address, allow))

    def check(self, url: str) -> None:
        """Raise ForbiddenUrl for a URL that nothing could ever be sent to, without asking DNS."""
        target = self._parse(url)
        address = target.address
        if reason := judge_name(target.host, self._allow) if address is None else self._judge(address):
            raise ForbiddenUrl(
                f"nothing is sent to {target.host}: {reason}; the operator can allow networks with WAYPOST_EGRESS_ALLOW"
            )
        if address is not None and not self._may(address):
            raise ForbiddenUrl(f"nothing is sent to {target.host}: it is this server itself")

    def recent(self, url: str) -> Admitted | None:
        """Return what ``admit`` returned for a URL within the last second, otherwise None."""
        found = self._recent.get(url)
        return found[1] if found is not None and self._now() < found[0] else None

    async def admit(self, url: str) -> Admitted | Outcome:
        """Return the addresses to connect to, or the outcome of the attempt if there are none."""
        judged = await self._judged(url)
        if isinstance(judged, Admitted):
            if len(self._recent) >= REMEMBERED:
                self._recent.clear()
            self._recent[url] = self._now() + RECENT_SECONDS, judged
        return judged

    async def _judged(self, url: str) -> Admitted | Outcome:
        try:
            target = self._parse(url)
        except ForbiddenUrl:
            return Outcome.ADDRESS_FORBIDDEN
        if target.address is not None:
            return Admitted(target, (target.address,)) if self._may(target.address) else Outcome.ADDRESS_FORBIDDEN
        try:
            addresses = await self._resolver.resolve(target.host)
        except OSError:
            return Outcome.DNS_FAILED
        if not addresses:
            return Outcome.DNS_FAILED
        if len(addresses) > MOST_ADDRESSES or not all(self._may(address) for address in addresses):
            return Outcome.ADDRESS_FORBIDDEN
        return Admitted(target, tuple(addresses))

    def _may(self, address: IPAddress) -> bool:
        if self._judge(address) is not None:
            return False
        return address not in self._own or any(address in network for network in self._allow)
