"""Which accounts may use the operator's connections: every one, as long as the operator does not say otherwise."""

from collections.abc import Collection
from uuid import UUID

from waypost.actions.actor import note, operator
from waypost.actions.context import ConnectionContext
from waypost.actions.refusals import Fault, Invalid
from waypost.domain.audit import Action
from waypost.store import connection_changes, connections
from waypost.store.connections import Shared
from waypost.store.statements import Session, transaction


async def find(context: ConnectionContext, source: str) -> Shared:
    """Return the operator's connection to a carrier. Raise Invalid if there is none."""
    async with context.database.serving.acquire() as session:
        return await _find(session, source)


async def share(context: ConnectionContext, source: str, accounts: Collection[UUID] | None) -> Shared:
    """Let these accounts, or every account (None), use the operator's connection to a carrier, and no others.

    Parcels of accounts that may not use it any more are given to others that can answer for them. The audit log of each
    account that gains or loses it has an entry. Raise Invalid if there is no such connection.
    """
    async with context.database.engine.acquire() as session, transaction(session):
        found = await _find(session, source)
        affected = await connections.accounts_to_share_with(session, found.id, accounts)
        await connection_changes.update_shared_with(session, found.id, accounts)
        for account, may in affected:
            usable = (str(not may).lower(), str(may).lower())
            await note(session, operator(account), Action.CONNECTION_SHARED, source, {"usable": usable})
        return await _find(session, source)


async def _find(session: Session, source: str) -> Shared:
    shared = await connections.of_installation(session)
    found = next((one for one in shared if one.source == source), None)
    if found is None:
        known = ", ".join(one.source for one in shared)
        others = f"these are: {known}" if known else "no carrier is"
        raise Invalid([Fault("source", f"is not connected by the settings of this command ({others})")])
    return found
