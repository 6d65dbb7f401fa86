"""Which accounts may use the operator's connections: every one, as long as the operator does not say otherwise."""

from collections.abc import Collection
from uuid import UUID

from waypost.actions.context import ConnectionContext
from waypost.actions.refusals import Fault, Invalid
from waypost.store import connection_changes, connections
from waypost.store.connections import Shared
from waypost.store.statements import Session


async def find(context: ConnectionContext, source: str) -> Shared:
    """Return the operator's connection to a carrier. Raises Invalid if there is none."""
    async with context.database.serving.acquire() as session:
        return await _find(session, source)


async def share(context: ConnectionContext, source: str, accounts: Collection[UUID] | None) -> Shared:
    """Let these accounts, or every account (None), use the operator's connection to a carrier, and no others.

    Parcels of accounts that may not use it any more are given to others that can answer for them. Raises Invalid if
    there is no such connection.
    """
    async with context.database.engine.acquire() as session:
        found = await _find(session, source)
        await connection_changes.update_shared_with(session, found.id, accounts)
        return await _find(session, source)


async def _find(session: Session, source: str) -> Shared:
    shared = await connections.of_installation(session)
    found = next((one for one in shared if one.source == source), None)
    if found is None:
        known = ", ".join(one.source for one in shared) or "none"
        raise Invalid([Fault("source", f"must be a carrier that the settings connect: {known}")])
    return found
