"""The addresses that services push to: each has a token of 128 random bits, which can be replaced.

A token ends in a tag that only this installation can make, so that invented ones are dropped before anything is looked
up. It is found by its digest, and stored sealed, so that its connection's page can show the address.
"""

import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.times import rfc3339
from waypost.sources import senders
from waypost.sources.sender import PushSender
from waypost.store import inbound, inbound_changes
from waypost.store.database import Database
from waypost.store.inbound import Address
from waypost.store.statements import Session
from waypost.store.vault import Vault, WrongKey

PREFIX: Final = "/inbound"
OVERLAP: Final = timedelta(hours=24)
"""How long a replaced address still works, so that no push is lost while the sender's settings are changed."""
REMEMBERED: Final = 4096
REMEMBER_SECONDS: Final = 5.0
_RANDOM_BYTES: Final = 16
_TAG_BYTES: Final = 8
_TOKEN_LENGTH: Final = 32


class Doorway(msgspec.Struct, frozen=True):
    """The connection behind an address, with what is needed to verify a push.

    ``credentials`` None: they were sealed under another key.
    """

    connection: UUID
    account: UUID
    sender: PushSender
    enabled: bool
    credentials: dict[str, str] | None


class ShownAddress(msgspec.Struct, frozen=True):
    """The address of a connection as its page shows it; ``replaced_until`` is when a replaced one stops working."""

    path: str
    url: str | None
    replaced_until: str | None


class InboundAddresses:
    """Makes addresses and finds the connections behind them, which it caches for a few seconds."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        public_url: str | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._vault = vault
        self._public_url = public_url
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Doorway]] = OrderedDict()

    async def find(self, source: str, token: str) -> Doorway | None:
        """Return the connection behind an address; None for one that does not exist."""
        if not self._is_ours(token):
            return None
        digest = _digest(token)
        until, doorway = self._known.get(digest, (0.0, None))
        if doorway is None or until <= self._clock():
            async with self._database.serving.acquire() as session:
                found = await inbound.find_address(session, digest)
            doorway = None if found is None else self._open(found)
            self._remember(digest, doorway)
        return doorway if doorway is not None and doorway.sender.name == source else None

    async def add(self, session: Session, account: UUID, connection: UUID) -> None:
        """Create the address of a connection, in the caller's transaction."""
        random = secrets.token_bytes(_RANDOM_BYTES)
        token = urlsafe_b64encode(random + self._tag(random)).decode()
        sealed = self._vault.seal(token, account=account, endpoint=connection)
        await inbound_changes.insert_inbound_token(session, connection, _digest(token), sealed)

    async def replace(self, session: Session, account: UUID, connection: UUID, *, at_once: bool) -> None:
        """Replace the address of a connection; the old one works for another day, or stops ``at_once``."""
        await inbound_changes.expire_inbound_tokens(session, connection, overlap=timedelta(0) if at_once else OVERLAP)
        await self.add(session, account, connection)
        self._known.clear()

    async def shown(self, session: Session, account: UUID, sources: Mapping[UUID, str]) -> dict[UUID, ShownAddress]:
        """Return the addresses of an account's connections, by id; ``sources`` are their sources."""
        sealed = await inbound.tokens(session, sources.keys())
        replaced = await inbound.replaced_until(session, sources.keys())
        found = {}
        for connection, token in sealed.items():
            try:
                path = self._path(sources[connection], self._vault.open(token, account=account, endpoint=connection))
            except WrongKey:
                continue
            until = replaced.get(connection)
            url = None if self._public_url is None else self._public_url + path
            found[connection] = ShownAddress(path, url, None if until is None else rfc3339(until))
        return found

    def forget(self) -> None:
        """Look every connection up again, after one was changed."""
        self._known.clear()

    @staticmethod
    def _path(source: str, token: str) -> str:
        return f"{PREFIX}/{source}/{token}"

    def _is_ours(self, token: str) -> bool:
        if len(token) != _TOKEN_LENGTH or not token.isascii():
            return False
        try:
            raw = urlsafe_b64decode(token)
        except (Error, ValueError):
            return False
        return hmac.compare_digest(raw[_RANDOM_BYTES:], self._tag(raw[:_RANDOM_BYTES]))

    def _tag(self, random: bytes) -> bytes:
        return self._vault.tag(b"inbound" + random)[:_TAG_BYTES]

    def _open(self, address: Address) -> Doorway | None:
        sender = senders.find(address.source)
        if sender is None:
            return None
        credentials = None
        try:
            opened = self._vault.open(address.credentials, account=address.account, endpoint=address.connection)
            credentials = msgspec.json.decode(opened, type=dict[str, str])
        except WrongKey:
            pass
        return Doorway(address.connection, address.account, sender, address.enabled, credentials)

    def _remember(self, digest: bytes, doorway: Doorway | None) -> None:
        if doorway is None:
            self._known.pop(digest, None)
            return
        self._known[digest] = self._clock() + REMEMBER_SECONDS, doorway
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
