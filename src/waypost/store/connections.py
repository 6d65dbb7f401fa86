"""Connections: the credentials that sources are polled with, their health, and which one answers for a parcel."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.connections import ASKED_ELSEWHERE_AFTER, Candidate, Choice, ConnectionState
from waypost.domain.ids import bucket
from waypost.domain.statuses import Status
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

MOST_COUNTED: Final = 200_000
MOST_LOOKED_AT: Final = 10_000
ROUTED_AT_ONCE: Final = 500
PAGE: Final = 1_000
_ACTIVE: Final = tuple(status for status in Status if status not in (Status.DELIVERED, Status.EXPIRED))
_FIRST: Final = UUID(int=0)


class ConnectionRow(msgspec.Struct, frozen=True):
    """A connection and its health.

    ``account`` None: the operator's, for every account, with its ``credentials`` in the settings; otherwise they are
    sealed. ``spending`` is what it has spent of its budget, encoded as ``domain.budget`` defines it.
    """

    id: UUID
    account: UUID | None
    source: str
    kind: str
    name: str
    enabled: bool
    credentials: bytes | None
    settings: dict[str, str]
    created_at: datetime
    updated_at: datetime
    state: ConnectionState
    state_since: datetime
    message: str | None
    sample: str | None
    last_answer_at: datetime | None
    spending: bytes | None


class Load(msgspec.Struct, frozen=True):
    """How many parcels a connection answers for, and since when the longest waiting one has been due."""

    parcels: int
    oldest: datetime | None


class Unrouted(msgspec.Struct, frozen=True):
    """A parcel without a connection; ``tried`` were polled in vain, ``asked`` tells whether any was polled."""

    tracking: UUID
    account: UUID
    tracking_number: str
    courier_code: str
    status: Status
    substatus: str
    asked: bool
    tried: tuple[UUID, ...]


class Routed(msgspec.Struct, frozen=True):
    """The connection that is polled for a parcel, and in which lane."""

    choice: Choice
    rank: int


class Unlooked(msgspec.Struct, frozen=True):
    """A connection whose parcels have yet to be found."""

    id: UUID
    account: UUID | None
    source: str
    updated_at: datetime


class Shared(msgspec.Struct, frozen=True):
    """A connection of the installation and the e-mail addresses of accounts that may use it; None for every account."""

    id: UUID
    source: str
    shared_with: list[str] | None


class Noted(msgspec.Struct, frozen=True):
    """The result of a handful of polls; ``state`` None leaves the state, its message and its sample unchanged."""

    spending: bytes
    answered: bool
    state: ConnectionState | None = None
    message: str | None = None
    sample: str | None = None


async def add(
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
    """Add a connection, enabled; the poller finds its parcels."""
    written = msgspec.json.encode(settings).decode()
    await execute(session, "add_connection", connection, account, source, kind, name, credentials, written)


async def keep_installation(session: Session, named: Mapping[UUID, tuple[str, str]]) -> None:
    """Keep the operator's connections (source and name, by id), and disable those that are not listed any more."""
    for connection, (source, name) in named.items():
        await execute(session, "keep_installation_connection", connection, source, name)
    await fetch(session, "disable_installation_connections", list(named))


async def of_account(
    session: Session, account: UUID, connection: UUID | None = None, *, shared: bool = False
) -> list[ConnectionRow]:
    """Return the account's connections, oldest first, or the one of that id; ``shared`` adds the installation's."""
    return [_row(row) for row in await fetch(session, "connections", account, connection, shared)]


async def by_ids(session: Session, connections: Collection[UUID]) -> list[ConnectionRow]:
    """Return connections of any account."""
    return [_row(row) for row in await fetch(session, "connections_by_id", list(connections))]


async def change(
    session: Session,
    before: ConnectionRow,
    *,
    name: str,
    enabled: bool,
    credentials: bytes | None,
    settings: Mapping[str, str],
) -> bool:
    """Change an account's connection; ``credentials`` None keeps them. Return False if it is gone."""
    anew = enabled and (credentials is not None or not before.enabled)
    given = (name, enabled, credentials, msgspec.json.encode(settings).decode(), anew)
    return await fetch_one(session, "change_connection", before.account, before.id, *given) is not None


async def delete(session: Session, account: UUID, connection: UUID) -> bool:
    """Delete an account's connection; its parcels get other ones. Return False if it is gone."""
    return await fetch_one(session, "delete_connection", account, connection) is not None


async def load(session: Session, connection: UUID) -> Load:
    """Return how much a connection has to do."""
    row = await fetch_one(session, "count_watched", connection, MOST_COUNTED)
    return Load(0, None) if row is None else Load(row["parcels"], row["oldest"])


async def parcels_of(session: Session, account: UUID, connection: UUID) -> int:
    """Return how many of an account's parcels a connection answers for, up to ``MOST_LOOKED_AT`` per status."""
    row = await fetch_one(session, "count_watched_of", ALL_BUCKETS, account, connection, _ACTIVE, MOST_LOOKED_AT)
    return 0 if row is None else int(row["parcels"])


async def with_work(session: Session) -> list[UUID]:
    """Return the connections that have a parcel due, including deleted and disabled ones."""
    return [row["connection"] for row in await fetch(session, "connections_with_work")]


async def take(session: Session, connections: Collection[UUID], process: UUID, *, seconds: float) -> set[UUID]:
    """Lease those of the connections that are enabled and that no other process polls."""
    lease = timedelta(seconds=seconds)
    return {row["connection"] for row in await fetch(session, "take_connections", list(connections), process, lease)}


async def note(session: Session, connection: UUID, process: UUID, noted: Noted, *, seconds: float) -> None:
    """Write the result of a handful of polls, and extend the lease."""
    seen = (noted.answered, noted.state, noted.message, noted.sample)
    lease = timedelta(seconds=seconds)
    await execute(session, "note_connection", connection, process, noted.spending, lease, *seen)


async def give_back(session: Session, process: UUID) -> None:
    """End the leases of a process that stops, so that others need not wait for them to expire."""
    await execute(session, "give_back_connections", process)


async def unrouted(session: Session) -> list[Unrouted]:
    """Return parcels without a connection, the longest waiting first."""
    rows = await fetch(session, "unrouted_watches", ALL_BUCKETS, ROUTED_AT_ONCE)
    return [msgspec.convert(dict(row) | {"tried": row["tried"] or ()}, Unrouted) for row in rows]


async def candidates(
    session: Session, accounts: Collection[UUID], codes: Mapping[str, frozenset[str]]
) -> dict[UUID, list[Candidate]]:
    """Return the connections that could answer for parcels of these accounts, by account.

    ``codes`` are the courier codes that each source answers for; connections of other sources are left out.
    """
    found: dict[UUID, list[Candidate]] = {}
    for row in await fetch(session, "candidates", list(accounts)):
        if row["source"] in codes:
            one = Candidate(row["id"], row["source"], codes[row["source"]], row["own"])
            found.setdefault(row["account"], []).append(one)
    return found


async def of_installation(session: Session) -> list[Shared]:
    """Return the enabled connections of the installation."""
    return [Shared(*row) for row in await fetch(session, "installation_connections")]


async def share(session: Session, connection: UUID, accounts: Collection[UUID] | None) -> None:
    """Let these accounts, or every account, use a connection of the installation, and no others."""
    await execute(session, "share_connection", connection, None if accounts is None else sorted(accounts))


async def route(session: Session, routed: Mapping[UUID, Routed]) -> None:
    """Write each parcel's connection (by its tracking); a parcel that none answers for waits."""
    trackings = sorted(routed, key=lambda one: (bucket(one), one))
    buckets = [bucket(tracking) for tracking in trackings]
    choices = [routed[tracking].choice for tracking in trackings]
    ranks = [routed[tracking].rank for tracking in trackings]
    to_whom = ([choice.connection for choice in choices], [choice.exhausted for choice in choices])
    columns = (buckets, trackings, *to_whom, ranks)
    await execute(session, "route_watches", sorted(set(buckets)), *columns, ASKED_ELSEWHERE_AFTER)


async def unlooked(session: Session) -> list[Unlooked]:
    """Return enabled connections whose parcels have yet to be found."""
    rows = await fetch(session, "unrouted_connections")
    return [Unlooked(row["id"], row["account"], row["source"], row["updated_at"]) for row in rows]


async def look_for_parcels(session: Session, found: Unlooked, codes: Collection[str], shared: Collection[UUID]) -> None:
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
        for status in _ACTIVE:
            await _every_page(partial(_lane, session, account, status, list(shared)))
    await execute(session, "connection_routed", found.id, found.updated_at)


async def free(session: Session, connection: UUID) -> None:
    """Release the parcels of a connection that is deleted or disabled, some at a time."""
    while await fetch(session, "unroute_connection", connection, PAGE):
        pass


async def _lane(session: Session, account: UUID, status: Status, shared: list[UUID], after: UUID) -> Record | None:
    return await fetch_one(session, "unroute_lane", ALL_BUCKETS, account, status, shared, after, PAGE)


async def _every_page(turn: Callable[[UUID], Awaitable[Record | None]]) -> None:
    """Run page after page; each row holds the id to continue after, and no row means the end."""
    row = await turn(_FIRST)
    while row is not None:
        row = await turn(row[0])


def _row(row: Record) -> ConnectionRow:
    values = dict(row) | {"settings": msgspec.json.decode(str(row["settings"]))}
    return msgspec.convert(values, ConnectionRow)
