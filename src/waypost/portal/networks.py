"""How often visitors may do something, counted by the networks that they come from."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

MINUTE: Final = 60.0
MOST_COUNTED: Final = 50_000
# One customer has a /64 or a /56, one site a /48; so a larger network may do more, but not as much as all its parts.
_SHARES_BY_BITS: Final = ((64, 1), (56, 2), (48, 4))


class TooMany(Exception):
    """Something was tried so often that the next time is not looked at for so many ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not before {seconds:.0f} seconds")
        self.seconds = seconds


def networks_of(address: str) -> tuple[tuple[str, int], ...]:
    """Return the networks an address is counted in, the smallest first, each with how many shares it has.

    An IPv4 address counts by itself, an IPv6 address in its /64, /56 and /48; what is no address, by itself.
    """
    try:
        known = ip_address(address)
    except ValueError:
        return ((address, 1),)
    if not isinstance(known, IPv6Address):
        return ((str(known), 1),)
    return tuple((str(ip_network((int(known), bits), strict=False)), shares) for bits, shares in _SHARES_BY_BITS)


class Allowance:
    """Lets each network do something so often a minute; of very many networks those seen last are counted."""

    def __init__(self, a_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_minute = a_minute
        self._clock = clock
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one more time for an address and return 0, or count nothing and return the seconds to wait."""
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
