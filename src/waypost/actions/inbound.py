"""Receives pushes: verifies each, stores it, and only then responds. Its contents are read afterwards."""

import time
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.actions.context import InboundContext
from waypost.actions.inbound_addresses import Doorway
from waypost.actions.refusals import Busy, Denied, Unavailable, present
from waypost.domain.connections import ConnectionKind
from waypost.domain.inbound import Push, WrongSignature
from waypost.intake.collector import AccountOverloaded, IntakeUnavailable, Overloaded
from waypost.intake.inbox import Arrival, RefusedPush
from waypost.store.inbound import ReadPush
from waypost.store.vault import Vault, WrongKey

_LOG: Final = structlog.get_logger()
KEPT_HEADERS: Final = frozenset(
    {"content-type", "x-shopify-topic", "x-shopify-shop-domain", "x-wc-webhook-topic", "x-wc-webhook-source"}
)
"""The headers that readers need; the others, such as signatures, are not stored."""
SEALED_ELSEWHERE: Final = "The connection's credentials were encrypted under another WAYPOST_SECRET_KEY: replace them."

_WAYS: Final[set[tuple[str, str]]] = set()
"""The forms of signatures that this process has seen, by source: each is logged once."""


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """A push as it is sealed."""

    headers: dict[str, str]
    body: bytes


async def doorway(context: InboundContext, source: str, token: str) -> Doorway:
    """Return the connection behind an address. Raise NotFound."""
    return present(await context.addresses.find(source, token))


async def accept(context: InboundContext, found: Doorway, push: Push) -> None:
    """Return once a push is verified and durable.

    Raise Denied for a wrong signature, NotFound for a disabled connection, Busy, or Unavailable.
    """
    if not found.enabled:
        # A platform that gets an error would disable its webhook.
        present(None if found.sender.kind is ConnectionKind.PUSH else found)
        return
    way = _verify(context, found, push)
    if (found.sender.name, way) not in _WAYS:
        _WAYS.add((found.sender.name, way))
        _LOG.info("push_signature_seen", source=found.sender.name, form=way)
    sealed = seal(context.vault, found.account, found.connection, push)
    arrival = Arrival(found.account, found.connection, found.sender.name, len(push.body), sealed)
    try:
        await context.inbox.keep(arrival)
    except AccountOverloaded:
        raise Busy("Too many pushes of this account are waiting to be read; send it again later.") from None
    except Overloaded as error:
        raise Busy(str(error)) from None
    except IntakeUnavailable:
        raise Unavailable("The database is unavailable; send the same push again.") from None


def _verify(context: InboundContext, found: Doorway, push: Push) -> str:
    """Return the form of a push's signature. Raise Denied, and let the connection's page say why."""
    reason = SEALED_ELSEWHERE
    try:
        if found.credentials is not None:
            return found.sender.verify(push, found.credentials, round(time.time()))
    except WrongSignature as error:
        reason = str(error)
    context.inbox.refuse(RefusedPush(found.account, found.connection, found.sender.name, reason))
    raise Denied(reason)


def seal(vault: Vault, account: UUID, connection: UUID, push: Push) -> bytes:
    """Return a push as it is stored: its body, and the headers that its reader needs."""
    headers = {name: text for name, text in push.headers.items() if name in KEPT_HEADERS}
    stored = msgspec.msgpack.encode(_Stored(headers, push.body))
    return vault.seal_bytes(stored, account=account, owner=connection)


def open_push(vault: Vault, stored: ReadPush) -> Push:
    """Return a stored push. Raise ValueError, worded for its owner, if it can't be opened."""
    try:
        opened = vault.open_bytes(stored.push, account=stored.account, owner=stored.connection)
    except WrongKey:
        raise ValueError("it was encrypted under another WAYPOST_SECRET_KEY") from None
    found = msgspec.msgpack.decode(opened, type=_Stored)
    return Push(found.body, found.headers)
