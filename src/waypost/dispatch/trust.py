"""Which addresses answer: requests to the others run in other threads of the HTTP client, which only they keep busy.

A receiver that sends interim responses (``100 Continue``) without end occupies the thread of its request until the
deadline, and the client has no limit for them: a single one makes every other request of that thread wait for a second.

Addresses that answer share one thread, because further threads make every POST cost half as much again, and would not
protect: an endpoint that turns hostile has enough requests in flight to occupy any number of threads. It can do so
until its requests reach their deadline, once a day.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from waypost.domain.ip_addresses import IPAddress

SUSPECT_SECONDS: Final = 86_400.0
"""How long an address that let a request run to its deadline is not trusted, whatever it answers meanwhile."""
MOST_KNOWN: Final = 65_536
_NETWORK_BYTES: Final = 8
"""An IPv6 network belongs to one machine or customer: /64."""


class Trust:
    """Addresses that have answered. ``now`` returns seconds of a monotonic clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._from: OrderedDict[bytes, float] = OrderedDict()

    def trusts(self, address: IPAddress) -> bool:
        """Return whether an address has answered, and has kept no request waiting lately."""
        since = self._from.get(_key(address))
        return since is not None and since <= self._now()

    def answered(self, address: IPAddress) -> None:
        """Note that an address sent the head of a response."""
        key = _key(address)
        self._note(key, self._from.get(key, self._now()))

    def kept_waiting(self, address: IPAddress) -> None:
        """Note that a request to an address ran to its deadline without the head of a response."""
        self._note(_key(address), self._now() + SUSPECT_SECONDS)

    def _note(self, key: bytes, since: float) -> None:
        self._from[key] = since
        self._from.move_to_end(key)
        if len(self._from) > MOST_KNOWN:
            self._from.popitem(last=False)


def _key(address: IPAddress) -> bytes:
    return address.packed[:_NETWORK_BYTES]
