"""Authentication: the account of an API key in `Tracking-Api-Key` or `Authorization: Bearer`."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions import api_keys
from waypost.actions.actor import Actor
from waypost.actions.context import KeyContext
from waypost.actions.denials import Denial
from waypost.domain.api_keys import digest_of, is_key, shown_prefix
from waypost.store.accounts import KeyOwner

REMEMBERED: Final = 4096
REMEMBER_SECONDS: Final = 5.0
"""How long a revoked key can keep working."""
LOOKS_AGAIN_AFTER: Final = 0.5
"""The part of that time after which a call has its key looked up once more, without waiting for it."""


class Caller(msgspec.Struct, frozen=True):
    """The account that a request acts for, and its permissions."""

    account: UUID
    email: str
    scopes: frozenset[str]
    key_prefix: str

    @property
    def actor(self) -> Actor:
        """The actor for actions and the audit log."""
        return Actor(self.account, f"key {self.key_prefix}…")


class KeyRefused(Exception):
    """The request has no valid key with the required permission; ``status`` is 401 or 403."""

    def __init__(self, status: int, denial: Denial, message: str) -> None:
        super().__init__(message)
        self.denial = denial
        self.status = status
        self.message = message


class Keys:
    """Finds the owners of keys, and caches them for a few seconds.

    The calls of a busy client do not wait for that: an entry is renewed while it is valid. A look-up records the use of
    the key, so it waits for the disk, while others keep that busy.
    """

    def __init__(
        self,
        context: KeyContext,
        *,
        kept_seconds: float = REMEMBER_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context = context
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, KeyOwner]] = OrderedDict()
        self._renewals: dict[bytes, asyncio.Task[KeyOwner | None]] = {}

    async def caller(self, headers: Mapping[str, str], *, scope: str) -> Caller:
        """Return the caller. Raise KeyRefused with 401 without a valid key, and with 403 if it lacks ``scope``."""
        key = _key_of(headers)
        if key is None:
            raise KeyRefused(
                HTTPStatus.UNAUTHORIZED,
                Denial.KEY_MISSING,
                "Send an API key in the header Tracking-Api-Key or Authorization: Bearer.",
            )
        owner = await self._owner(key) if is_key(key) else None
        if owner is None:
            message = "The API key is not valid: it is unknown, expired or revoked."
            raise KeyRefused(HTTPStatus.UNAUTHORIZED, Denial.KEY_UNKNOWN, message)
        if scope not in owner.scopes:
            message = f"The API key lacks the permission {scope!r}, which this call requires."
            raise KeyRefused(HTTPStatus.FORBIDDEN, Denial.KEY_SCOPE, message)
        return Caller(owner.account, owner.email, owner.scopes, shown_prefix(key))

    async def _owner(self, key: str) -> KeyOwner | None:
        digest = digest_of(key)
        known = self._known.get(digest)
        if known is not None and (left := known[0] - self._clock()) > 0:
            self._known.move_to_end(digest)
            if left <= self._kept_seconds * (1 - LOOKS_AGAIN_AFTER) and digest not in self._renewals:
                self._renewals[digest] = renewal = asyncio.create_task(self._look_up(digest))
                renewal.add_done_callback(partial(self._renewed, digest))
            return known[1]
        return await self._look_up(digest)

    def _renewed(self, digest: bytes, renewal: asyncio.Task[KeyOwner | None]) -> None:
        del self._renewals[digest]
        if not renewal.cancelled():
            renewal.exception()  # is ignored: a call that needs the key looks for itself, and says what is wrong

    async def _look_up(self, digest: bytes) -> KeyOwner | None:
        until = self._clock() + self._kept_seconds  # from before the look: it may take long
        owner = await api_keys.use(self._context, digest)
        if owner is None:
            self._known.pop(digest, None)
            return None
        self._known[digest] = until, owner
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return owner


def _key_of(headers: Mapping[str, str]) -> str | None:
    if key := headers.get("tracking-api-key"):
        return key.strip()
    kind, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if kind.lower() == "bearer" and key else None
