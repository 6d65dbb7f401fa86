"""Which HTTP client a request uses: one for each host and checked address, built in time and dropped in time."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from waypost.dispatch.builds import Builds
from waypost.dispatch.trust import Trust
from waypost.domain.ip_addresses import IPAddress
from waypost.domain.targets import Target

CLIENTS: Final = 1_000
CLIENT_LIFE_SECONDS: Final = 300.0
RENEWED_AFTER_SECONDS: Final = 0.9 * CLIENT_LIFE_SECONDS
"""The age at which the client of an endpoint that is in use is replaced, so that no request waits for the next one."""

IDLE_SECONDS: Final = 4.0
_TIMEOUT: Final = re.compile(r"\btimeout\s*=\s*\"?([0-9]{1,6})", re.ASCII | re.IGNORECASE)

Client = TypeVar("Client")


class PinnedTarget(NamedTuple):
    """What a client is for: it connects to this address and no other."""

    target: Target
    address: IPAddress

    @property
    def key(self) -> tuple[str, str, int, bytes]:
        """Scheme, host, port, and the bytes of the address."""
        return self.target.scheme, self.target.host, self.target.port, self.address.packed


class ClientPlan(NamedTuple):
    """How to build a client: for which target, how long it keeps idle connections, whether the address is trusted."""

    pinned: PinnedTarget
    idle: float
    trusted: bool


class Kept(Generic[Client]):
    """A client; ``idle`` is how long it keeps connections, ``announced`` the shortest time requested since.

    The time is only ever shortened before the client's end, so that an endpoint that announces a different time with
    each response can't have a client made for each. ``next`` replaces it as soon as that is built.
    """

    __slots__ = ("announced", "answered_at", "client", "idle", "next", "since", "trusted")

    def __init__(self, client: asyncio.Future[Client], since: float, plan: ClientPlan) -> None:
        self.client = client
        self.since = since
        self.idle = self.announced = plan.idle
        self.trusted = plan.trusted
        self.answered_at: float | None = None
        self.next: Kept[Client] | None = None

    def answered(self, now: float, headers: Iterable[tuple[str, str]]) -> None:
        """Note a response, and how long its connection may be kept."""
        self.answered_at = now
        for name, value in headers:
            if name == "keep-alive" and (found := _TIMEOUT.search(value)):
                self.announced = min(self.announced, max(0.0, int(found[1]) - 1.0))

    def is_warm(self, now: float) -> bool:
        """Return whether one of its connections may have been kept until now."""
        return self.answered_at is not None and now - self.answered_at <= self.idle

    def may_be_used(self, now: float, *, trusted: bool) -> bool:
        """Return whether it may still be used; if not, it is dropped with the connections that it keeps."""
        is_young, keeps_as_told = now - self.since < CLIENT_LIFE_SECONDS, self.idle <= self.announced
        return is_young and keeps_as_told and (trusted or not self.trusted)


class KeptClients(Generic[Client]):
    """Clients by pinned target, ``most`` at most, each kept for 5 minutes at most. ``build`` is called in a thread."""

    def __init__(
        self, build: Callable[[ClientPlan], Client], trust: Trust, *, most: int, now: Callable[[], float]
    ) -> None:
        self._build = build
        self._trust = trust
        self._most = most
        self._now = now
        self._kept: OrderedDict[tuple[str, str, int, bytes], Kept[Client]] = OrderedDict()
        self._builds = Builds[Client]()

    def __iter__(self) -> Iterator[tuple[str, str, int, bytes]]:
        """Yield the keys of the pinned targets, the one that was used last at the end."""
        return iter(self._kept)

    def of(self, pinned: PinnedTarget, account: UUID | None) -> Kept[Client]:
        """Return the client of a pinned target. If there is none, its build waits for the account's turn."""
        trusted = self._trust.trusts(pinned.address)
        kept = self._kept.get(pinned.key)
        for one in (kept, None if kept is None else kept.next):
            if one is not None and one.may_be_used(self._now(), trusted=trusted):
                return self._keep(pinned, one)
        idle = IDLE_SECONDS if kept is None else kept.announced
        return self._keep(pinned, self._made(ClientPlan(pinned, idle, trusted), account))

    def is_warm(self, pinned: PinnedTarget) -> bool:
        """Return whether a kept connection is likely."""
        kept = self._kept.get(pinned.key)
        return kept is not None and kept.is_warm(self._now())

    def renew_soon(self, kept: Kept[Client], pinned: PinnedTarget, account: UUID | None) -> None:
        """Build what replaces a client that has just been used, if it is to be replaced."""
        trusted = self._trust.trusts(pinned.address)
        stays = kept.trusted == trusted and self._now() - kept.since < RENEWED_AFTER_SECONDS
        if stays or kept.next is not None or self._kept.get(pinned.key) is not kept:
            return
        kept.next = self._made(ClientPlan(pinned, kept.announced, trusted), account)
        kept.next.client.add_done_callback(lambda _built: self._replace(pinned, kept))

    def _replace(self, pinned: PinnedTarget, kept: Kept[Client]) -> None:
        if kept.next is not None and self._kept.get(pinned.key) is kept:
            self._kept[pinned.key] = kept.next  # in its place: it was not used

    def _made(self, plan: ClientPlan, account: UUID | None) -> Kept[Client]:
        # This takes milliseconds, most of them for reading the system's certificates, without the interpreter's lock: a
        # thousand endpoints after a start must not block the loop.
        building = self._builds.start(account, partial(self._build, plan))
        building.add_done_callback(partial(self._forget, plan.pinned))
        return Kept(building, self._now(), plan)

    def _keep(self, pinned: PinnedTarget, kept: Kept[Client]) -> Kept[Client]:
        self._kept[pinned.key] = kept
        self._kept.move_to_end(pinned.key)
        self._drop_old()
        return kept

    def _forget(self, pinned: PinnedTarget, built: asyncio.Future[Client]) -> None:
        """Let the next request try again if a client could not be made."""
        kept = self._kept.get(pinned.key)
        if kept is None or not (built.cancelled() or built.exception()):
            return
        if kept.client is built:
            del self._kept[pinned.key]
        elif kept.next is not None and kept.next.client is built:
            kept.next = None

    def _drop_old(self) -> None:
        """Drop clients that were not used lately.

        A dropped client closes its idle connections, and the others when their requests have ended.
        """
        ended = self._now() - CLIENT_LIFE_SECONDS
        while len(self._kept) > self._most or next(iter(self._kept.values())).since <= ended:
            self._kept.popitem(last=False)
