"""Actions on connections that services push to: the latest calls, pushes to be read again, the address and the secret.

Each function raises NotFound for a connection that is not the account's, or that nobody pushes to.
"""

from typing import Final
from uuid import UUID

import msgspec

from waypost.actions import connections
from waypost.actions.actor import Actor, note
from waypost.actions.connection_health import SEALED_ELSEWHERE, Connection
from waypost.actions.context import ConnectionContext
from waypost.actions.refusals import Conflict, present
from waypost.domain import ids
from waypost.domain.audit import Action
from waypost.domain.connections import ConnectionKind
from waypost.domain.times import from_ms, rfc3339
from waypost.sources import senders
from waypost.sources.sender import PushSender
from waypost.store import inbound, inbound_changes
from waypost.store.connections import ConnectionRow
from waypost.store.statements import transaction

MOST_CALLS: Final = 10


class PushCall(msgspec.Struct, frozen=True):
    """A push and its result; ``detail`` contains its numbers, or why it was rejected, ignored or unreadable."""

    at: str
    became: str
    detail: str | None


class ReadAgain(msgspec.Struct, frozen=True):
    """How many pushes wait to be read again."""

    pushes: int


async def latest_calls(context: ConnectionContext, actor: Actor, connection: UUID) -> list[PushCall]:
    """Return the latest pushes to a connection, newest first, at most ``MOST_CALLS``."""
    await _pushed_to(context, actor, connection)
    async with context.database.serving.acquire() as session:
        found = await inbound.latest_calls(session, connection, MOST_CALLS)
    return [PushCall(rfc3339(from_ms(ids.made_at(one.id))), one.became, one.detail) for one in found]


async def read_again(context: ConnectionContext, actor: Actor, connection: UUID) -> ReadAgain:
    """Let the pushes that could not be read be read again, as after an upgrade."""
    await _pushed_to(context, actor, connection)
    async with context.database.serving.acquire() as session:
        return ReadAgain(await inbound_changes.mark_waiting(session, connection))


async def replace_address(
    context: ConnectionContext, actor: Actor, connection: UUID, *, at_once: bool = False
) -> Connection:
    """Replace the address of a connection. The old one works for another 24 hours, or stops ``at_once``."""
    row = await _pushed_to(context, actor, connection)
    async with context.database.serving.acquire() as session, transaction(session):
        await context.addresses.replace(session, actor.account, connection, at_once=at_once)
        await note(session, actor, Action.ADDRESS_REPLACED, row.name, {})
    return await connections.find(context, actor, connection)


async def reveal_secrets(context: ConnectionContext, actor: Actor, connection: UUID) -> dict[str, str]:
    """Return the secrets of the account's own choice, by name, to be pasted at the sender; the audit log records it."""
    row = await _pushed_to(context, actor, connection)
    sender = present(senders.find(row.source))
    credentials = connections.opened(context, row)
    if credentials is None:
        raise Conflict("sealed_elsewhere", SEALED_ELSEWHERE)
    async with context.database.serving.acquire() as session, transaction(session):
        await note(session, actor, Action.CONNECTION_SECRET_SHOWN, row.name, {})
    return {name: credentials[name] for name in sender.secrets if name in credentials}


def sender_of(connection: Connection) -> PushSender | None:
    """Return the service behind a connection; None for a carrier, and for one that this version does not know."""
    return senders.find(connection.source)


async def _pushed_to(context: ConnectionContext, actor: Actor, connection: UUID) -> ConnectionRow:
    row = await connections.own(context, actor, connection)
    return present(row if row.kind != ConnectionKind.CARRIER else None)
