"""Parcels that are registered at services that push."""

from collections.abc import Sequence
from datetime import datetime
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
    """A connection that a parcel is registered with, or why its service refused it."""

    connection: UUID
    name: str
    refused: str | None


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


async def of_parcel(session: Session, account: UUID, tracking: UUID) -> Sequence[ShownRegistration]:
    """Return where a parcel of the account is registered, or was refused."""
    return [ShownRegistration(*row) for row in await fetch(session, "registrations_of", account, tracking)]
