"""Rate limits for visitors, counted by their networks."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

MINUTE: Final = 60.0
MOST_COUNTED: Final = 50_000
# A customer has a /64 or a /56, a site a /48: a larger network is allowed more, but less than its parts together.
_SHARES_BY_BITS: Final = ((64, 1), (56, 2), (48, 4))


class TooMany(Exception):
    """A rate limit was exceeded; retry after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"retry after {seconds:.0f} seconds")
        self.seconds = seconds


def networks_of(address: str) -> tuple[tuple[str, int], ...]:
    """Return the networks that an address counts in, smallest first, each with its number of shares.

    An IPv4 address counts on its own, an IPv6 address in its /64, /56 and /48. Other text counts on its own.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return ((address, 1),)
    if not isinstance(known, IPv6Address):
        return ((str(known), 1),)
    return tuple((str(ip_network((int(known), bits), strict=False)), shares) for bits, shares in _SHARES_BY_BITS)


class NetworkAllowance:
    """A rate limit per minute for each network. If there are too many networks, the least recent are dropped."""

    def __init__(self, a_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one use by an address and return 0, or count nothing and return the seconds to wait."""
        now = self._clock()
        windows = [(network, shares, *self._window(network, now)) for network, shares in networks_of(address)]
        full = [begun + MINUTE - now for _, shares, begun, count in windows if count >= self._a_minute * shares]
        if full:
            return max(full)
        for network, _, begun, count in windows:
            self._counted[network] = begun, count + 1
            self._counted.move_to_end(network)
        while len(self._counted) > MOST_COUNTED:
            self._counted.popitem(last=False)
        return 0.0

    def _window(self, network: str, now: float) -> tuple[float, int]:
        begun, count = self._counted.get(network, (now, 0))
        return (begun, count) if now - begun < MINUTE else (now, 0)
