"""Parcels that are registered at services that push."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.store.connections import ACTIVE, ConnectionRow, connection_row
from waypost.store.statements import Session, fetch

STATUSES: Final = tuple(status.value for status in ACTIVE)


class UnregisteredParcel(msgspec.Struct, frozen=True):
    """A parcel that a service does not know yet."""

    id: UUID
    tracking_number: str
    courier_code: str


class ShownRegistration(msgspec.Struct, frozen=True):
    """A connection that a parcel is registered with, why its service refused it, and when it was stopped there."""

    connection: UUID
    name: str
    refused: str | None
    stopped_at: datetime | None


async def connections_to_register(session: Session) -> list[ConnectionRow]:
    """Return the connections of all accounts whose parcels are registered at their services."""
    return [connection_row(row) for row in await fetch(session, "registering_connections")]


async def unregistered(session: Session, row: ConnectionRow, before: datetime, most: int) -> list[UnregisteredParcel]:
    """Return the oldest parcels of a connection's account that were added before a time and are not registered."""
    bound = ids.first_at(before)
    rows = await fetch(session, "unregistered_parcels", row.account, STATUSES, row.id, bound, most)
    return [UnregisteredParcel(*one) for one in rows]


async def deleted(session: Session, connection: UUID, most: int) -> list[UnregisteredParcel]:
    """Return registered parcels that were deleted here."""
    rows = await fetch(session, "deleted_registrations", connection, most)
    return [UnregisteredParcel(row["id"], row["tracking_number"], "") for row in rows]


async def running(session: Session, connection: UUID, after: UUID, most: int) -> list[UUID]:
    """Return parcels that a service follows, in order, after the given one."""
    return [row["tracking"] for row in await fetch(session, "running_registrations", connection, after, most)]


async def finished(session: Session, trackings: Sequence[UUID], *, over_for: timedelta) -> list[UnregisteredParcel]:
    """Return those of the parcels that are archived, expired, or delivered or returned and unchanged for that long."""
    buckets = sorted({ids.bucket(one) for one in trackings})
    rows = await fetch(session, "finished_parcels", buckets, list(trackings), over_for)
    return [UnregisteredParcel(*row) for row in rows]


async def wanted_again(session: Session, connection: UUID, most: int) -> list[UnregisteredParcel]:
    """Return parcels that were stopped at a service, and are wanted there again."""
    found = [row["tracking"] for row in await fetch(session, "registrations_again", connection, most)]
    if not found:
        return []
    buckets = sorted({ids.bucket(one) for one in found})
    return [UnregisteredParcel(*row) for row in await fetch(session, "parcels_to_register", buckets, found)]


async def of_parcel(session: Session, account: UUID, tracking: UUID) -> Sequence[ShownRegistration]:
    """Return where a parcel of the account is registered, or was refused."""
    return [ShownRegistration(*row) for row in await fetch(session, "registrations_of", account, tracking)]
