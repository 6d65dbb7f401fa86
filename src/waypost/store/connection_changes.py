"""Rows of connections, and which one answers for a parcel, written by people's actions and by the poller."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.connections import ASKED_ELSEWHERE_AFTER, Choice, ConnectionState
from waypost.domain.ids import bucket
from waypost.domain.statuses import Status
from waypost.store.connections import ACTIVE, ConnectionRow, UnroutedConnection
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

PAGE: Final = 1_000
_FIRST: Final = UUID(int=0)


class Routed(msgspec.Struct, frozen=True):
    """The connection that is polled for a parcel, and in which lane."""

    choice: Choice
    rank: int


class PollSummary(msgspec.Struct, frozen=True):
    """The result of a handful of polls; ``state`` None leaves the state and its sample unchanged.

    A ``message`` without a state says why polls failed; it is replaced by the next poll that succeeds.
    """

    spending: bytes
    answered: bool
    state: ConnectionState | None = None
    message: str | None = None
    sample: str | None = None


async def insert_connection(
    session: Session,
    *,
    connection: UUID,
    account: UUID,
    source: str,
    kind: str,
    name: str,
    credentials: bytes,
    settings: Mapping[str, str],
) -> None:
    """Insert the row of a connection, enabled; the poller finds its parcels."""
    written = msgspec.json.encode(settings).decode()
    await execute(session, "insert_connection", connection, account, source, kind, name, credentials, written)


class KeptConnection(msgspec.Struct, frozen=True):
    """A connection of the operator's settings; ``granted`` are the calls that its carrier granted, as settings."""

    source: str
    name: str
    granted: Mapping[str, str] = {}


async def keep_installation(session: Session, kept: Mapping[UUID, KeptConnection]) -> None:
    """Write the rows of the operator's connections by their ids, and disable those not listed any more."""
    for connection, one in kept.items():
        granted = msgspec.json.encode(one.granted).decode()
        await execute(session, "keep_installation_connection", connection, one.source, one.name, granted)
    await fetch(session, "disable_installation_connections", list(kept))


async def update_connection(
    session: Session,
    before: ConnectionRow,
    *,
    name: str,
    enabled: bool,
    credentials: bytes | None,
    settings: Mapping[str, str],
) -> bool:
    """Update the row of an account's connection; ``credentials`` None keeps them. Return False if it is gone."""
    afresh = enabled and (credentials is not None or not before.enabled)
    given = (name, enabled, credentials, msgspec.json.encode(settings).decode(), afresh)
    return await fetch_one(session, "update_connection", before.account, before.id, *given) is not None


async def delete_connection(session: Session, account: UUID, connection: UUID) -> bool:
    """Delete the row of an account's connection; its parcels get other ones. Return False if it is gone."""
    return await fetch_one(session, "delete_connection", account, connection) is not None


async def lease_connections(
    session: Session, connections: Collection[UUID], process: UUID, *, seconds: float
) -> set[UUID]:
    """Lease those of the connections that are enabled and that no other process polls."""
    lease = timedelta(seconds=seconds)
    return {row["connection"] for row in await fetch(session, "lease_connections", list(connections), process, lease)}


async def note_polls(session: Session, connection: UUID, process: UUID, noted: PollSummary, *, seconds: float) -> None:
    """Write the result of a handful of polls to the connection's row, and extend the lease."""
    seen = (noted.answered, noted.state, noted.message, noted.sample)
    lease = timedelta(seconds=seconds)
    await execute(session, "note_polls", connection, process, noted.spending, lease, *seen)


async def release_connections(session: Session, process: UUID) -> None:
    """End the leases of a process that stops, so that others need not wait for them to expire."""
    await execute(session, "release_connections", process)


async def update_shared_with(session: Session, connection: UUID, accounts: Collection[UUID] | None) -> None:
    """Update the row of a connection of the installation: these accounts may use it, or with None every account."""
    await execute(session, "update_shared_with", connection, None if accounts is None else sorted(accounts))


async def route_parcels(session: Session, routed: Mapping[UUID, Routed]) -> None:
    """Write each parcel's connection (by its tracking); a parcel that none answers for waits."""
    trackings = sorted(routed, key=lambda one: (bucket(one), one))
    buckets = [bucket(tracking) for tracking in trackings]
    choices = [routed[tracking].choice for tracking in trackings]
    ranks = [routed[tracking].rank for tracking in trackings]
    to_whom = ([choice.connection for choice in choices], [choice.exhausted for choice in choices])
    columns = (buckets, trackings, *to_whom, ranks)
    await execute(session, "route_parcels", sorted(set(buckets)), *columns, ASKED_ELSEWHERE_AFTER)


async def look_for_parcels(
    session: Session, found: UnroutedConnection, codes: Collection[str], shared: Collection[UUID]
) -> None:
    """Release, page by page, the parcels that a connection may answer for, so that the poller assigns them to it.

    ``codes`` are its courier codes; ``shared`` are the installation's connections, over which the account's own take
    precedence.
    """
    account = found.account
    if account is None:
        wanted = list(codes)
        await _every_page(
            lambda after: fetch_one(session, "unroute_couriers", ALL_BUCKETS, wanted, after, PAGE, found.id)
        )
    else:
        for status in ACTIVE:
            await _every_page(partial(_lane, session, account, status, list(shared)))
    await execute(session, "connection_routed", found.id, found.updated_at)


async def free_parcels(session: Session, connection: UUID) -> None:
    """Release the parcels of a connection that is deleted or disabled, some at a time."""
    while await fetch(session, "free_parcels", connection, PAGE):
        pass


async def _lane(session: Session, account: UUID, status: Status, shared: list[UUID], after: UUID) -> Record | None:
    return await fetch_one(session, "unroute_lane", ALL_BUCKETS, account, status, shared, after, PAGE)


async def _every_page(turn: Callable[[UUID], Awaitable[Record | None]]) -> None:
    """Run page after page; each row holds the id to continue after, and no row means the end."""
    row = await turn(_FIRST)
    while row is not None:
        row = await turn(row[0])
