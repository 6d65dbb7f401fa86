"""Rows of registrations, written by the process that registers parcels."""

from collections.abc import Sequence
from uuid import UUID

from waypost.store.statements import Session, execute, transaction


async def insert_registrations(
    session: Session, connection: UUID, trackings: Sequence[UUID], refused: Sequence[str | None]
) -> None:
    """Write that parcels were registered, or why not, and move the connection's mark behind the last of them."""
    async with transaction(session):
        await execute(session, "insert_registrations", connection, list(trackings), list(refused))
        await execute(session, "upsert_registrar", connection, trackings[-1])


async def delete_registrations(session: Session, connection: UUID, trackings: Sequence[UUID]) -> None:
    """Delete the registrations of parcels that were deleted."""
    await execute(session, "delete_registrations", connection, list(trackings))
