"""Connections, read: sealed credentials, health, and which could answer for a parcel. See ``connection_changes``."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.connections import REGISTERS_THERE, Candidate, ConnectionKind, ConnectionState
from waypost.domain.statuses import Status
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one

MOST_COUNTED: Final = 200_000
MOST_LOOKED_AT: Final = 10_000
ROUTED_AT_ONCE: Final = 250
ACTIVE: Final = tuple(status for status in Status if status not in (Status.DELIVERED, Status.EXPIRED))


class ConnectionRow(msgspec.Struct, frozen=True):
    """The row of a connection, with its health.

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

    @property
    def is_polled(self) -> bool:
        """Whether it is enabled and can be polled: a carrier, or a service at which parcels are registered."""
        return self.enabled and (self.kind == ConnectionKind.CARRIER or self.settings.get(REGISTERS_THERE) == "yes")


class Load(msgspec.Struct, frozen=True):
    """How many parcels a connection answers for, and since when the longest waiting one has been due."""

    parcels: int
    oldest: datetime | None


class UnroutedParcel(msgspec.Struct, frozen=True):
    """A parcel without a connection; ``tried`` were polled in vain, ``asked`` says whether any was polled."""

    tracking: UUID
    account: UUID
    tracking_number: str
    courier_code: str
    status: Status
    substatus: str
    asked: bool
    tried: tuple[UUID, ...]


class UnroutedConnection(msgspec.Struct, frozen=True):
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


async def of_account(
    session: Session, account: UUID, connection: UUID | None = None, *, shared: bool = False
) -> list[ConnectionRow]:
    """Return the rows of the account's connections, oldest first, or of the one; ``shared`` adds the installation's."""
    return [connection_row(row) for row in await fetch(session, "connections", account, connection, shared)]


async def by_ids(session: Session, connections: Collection[UUID]) -> list[ConnectionRow]:
    """Return the rows of connections of any account."""
    return [connection_row(row) for row in await fetch(session, "connections_by_id", list(connections))]


async def load(session: Session, connection: UUID) -> Load:
    """Return how many parcels a connection answers for, and since when the oldest is due."""
    row = await fetch_one(session, "count_watched", connection, MOST_COUNTED)
    return Load(0, None) if row is None else Load(row["parcels"], row["oldest"])


async def parcels_of(session: Session, account: UUID, connection: UUID) -> int:
    """Return how many of an account's parcels a connection answers for, up to ``MOST_LOOKED_AT`` per status."""
    row = await fetch_one(session, "count_watched_of", ALL_BUCKETS, account, connection, ACTIVE, MOST_LOOKED_AT)
    return 0 if row is None else int(row["parcels"])


async def with_work(session: Session) -> list[UUID]:
    """Return the connections that have a parcel due, including deleted and disabled ones."""
    return [row["connection"] for row in await fetch(session, "connections_with_work")]


async def unrouted_watches(session: Session) -> list[UnroutedParcel]:
    """Return parcels without a connection, the longest waiting first."""
    rows = await fetch(session, "unrouted_watches", ALL_BUCKETS, ROUTED_AT_ONCE)
    return [msgspec.convert(dict(row) | {"tried": row["tried"] or ()}, UnroutedParcel) for row in rows]


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


async def registered_candidates(
    session: Session, accounts: Collection[UUID], trackings: Collection[UUID], sources: Collection[str]
) -> dict[UUID, list[UUID]]:
    """Return the connections of these services at which parcels are registered, by parcel."""
    found: dict[UUID, list[UUID]] = {}
    wanted = (list(accounts), list(trackings), list(sources))
    for row in await fetch(session, "registered_candidates", *wanted):
        found.setdefault(row["tracking"], []).append(row["connection"])
    return found


async def of_installation(session: Session) -> list[Shared]:
    """Return the rows of the enabled connections of the installation."""
    return [Shared(*row) for row in await fetch(session, "installation_connections")]


async def unrouted_connections(session: Session) -> list[UnroutedConnection]:
    """Return enabled connections whose parcels have yet to be found."""
    rows = await fetch(session, "unrouted_connections")
    return [UnroutedConnection(row["id"], row["account"], row["source"], row["updated_at"]) for row in rows]


def connection_row(row: Record) -> ConnectionRow:
    """Return the row of a connection, with its health."""
    values = dict(row) | {"settings": msgspec.json.decode(str(row["settings"]))}
    return msgspec.convert(values, ConnectionRow)


async def accounts_to_share_with(
    session: Session, connection: UUID, accounts: Collection[UUID] | None
) -> list[tuple[UUID, bool]]:
    """Return each account that gains or loses the use of the operator's connection, and whether it may use it then."""
    wanted = None if accounts is None else list(accounts)
    return [(row["id"], row["after"]) for row in await fetch(session, "accounts_to_share_with", connection, wanted)]
