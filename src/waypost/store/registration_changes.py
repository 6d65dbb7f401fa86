"""Rows of registrations, written by the process that registers parcels."""

from collections.abc import Sequence
from uuid import UUID

from waypost.domain.ids import bucket
from waypost.store.statements import Session, execute, transaction


async def insert_registrations(
    session: Session,
    connection: UUID,
    trackings: Sequence[UUID],
    refused: Sequence[str | None],
    *,
    polled: bool,
    mark: bool,
) -> None:
    """Write that parcels were registered, or why not, and with ``mark`` move the connection's behind the last of them.

    If the service can be ``polled``, it answers from now on for those that no connection answers for.
    """
    there = [one for one, reason in zip(trackings, refused, strict=True) if reason is None]
    async with transaction(session):
        await execute(session, "insert_registrations", connection, list(trackings), list(refused))
        if polled and there:
            await execute(session, "watch_registered", connection, sorted({bucket(one) for one in there}), there)
        if mark:
            await execute(session, "upsert_registrar", connection, trackings[-1])


async def delete_registrations(session: Session, connection: UUID, trackings: Sequence[UUID]) -> None:
    """Delete the registrations of parcels that were deleted."""
    await execute(session, "delete_registrations", connection, list(trackings))


async def mark_stopped(session: Session, connection: UUID, trackings: Sequence[UUID]) -> None:
    """Write that parcels are not followed by their service any more."""
    await execute(session, "mark_registrations_stopped", connection, list(trackings))


async def register_again(session: Session, trackings: Sequence[UUID]) -> None:
    """Have stopped parcels registered again."""
    await execute(session, "register_again", sorted({bucket(one) for one in trackings}), list(trackings))
