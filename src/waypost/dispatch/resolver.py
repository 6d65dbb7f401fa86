"""Resolves names through the operating system, once for all who ask at the same time."""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Protocol

from waypost.domain.ip_addresses import IPAddress

LOOKUPS_AT_ONCE: Final = 64
REMEMBER_SECONDS: Final = 10.0
REMEMBERED_NAMES: Final = 10_000


class Resolver(Protocol):
    """Anything that knows the addresses of a name."""

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """Return all addresses of a host, the best first. Raise OSError if there are none."""


class SystemResolver:
    """The operating system's resolver, on its own threads.

    A dead name server holds a thread for half a minute. On the event loop's few threads that would hold up every other
    lookup, and whatever else runs there.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="resolver")

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """Return addresses as ``Resolver`` does; those that cannot be reached from here come last (RFC 6724)."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host)


@dataclass(frozen=True, slots=True)
class _Asked:
    at: float
    answer: asyncio.Future[Sequence[IPAddress]]


class RememberingResolver:
    """Remembers each answer, and each failure, for ``seconds``; a name is resolved once at a time.

    The operating system does not say how long an answer is valid, so it is remembered briefly (30 s at most by
    spec/security.md). Connections are pinned to judged addresses, so an older answer is never a way around the guard.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        seconds: float = REMEMBER_SECONDS,
        most: int = REMEMBERED_NAMES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._most = most
        self._now = now
        self._asked: OrderedDict[str, _Asked] = OrderedDict()

    async def resolve(self, host: str) -> Sequence[IPAddress]:
        """See ``Resolver``."""
        asked = self._asked.get(host)
        if asked is None or (asked.answer.done() and self._now() - asked.at >= self._seconds):
            asked = self._ask(host)
        # A waiter may give up; the lookup continues for the others.
        return await asyncio.shield(asked.answer)

    def _ask(self, host: str) -> _Asked:
        asked = _Asked(self._now(), asyncio.ensure_future(self._resolver.resolve(host)))
        asked.answer.add_done_callback(_take_notice)
        self._asked[host] = asked
        self._asked.move_to_end(host)
        if len(self._asked) > self._most:
            self._asked.popitem(last=False)
        return asked


def _look_up(host: str) -> Sequence[IPAddress]:
    # As bytes the name reaches the resolver unchanged; with text Python would apply its own IDNA first.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(ip_address(entry[4][0]) for entry in found))


def _take_notice(answer: asyncio.Future[Sequence[IPAddress]]) -> None:
    """Keep asyncio from reporting a failure that nobody waited for."""
    if not answer.cancelled():
        answer.exception()
