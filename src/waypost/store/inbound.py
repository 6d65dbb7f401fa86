"""Pushes as they are read: their addresses, those that wait, and the results of the others."""

from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.domain.inbound import PushResult
from waypost.store.statements import Session, fetch, fetch_one

MOST_COUNTED: Final = 10_000


class Address(msgspec.Struct, frozen=True):
    """The connection that an address belongs to; ``credentials`` are sealed."""

    connection: UUID
    account: UUID
    source: str
    enabled: bool
    credentials: bytes
    settings: dict[str, str]
    expires_at: datetime | None


class WaitingPush(msgspec.Struct, frozen=True):
    """The row of a push that waits to be read."""

    id: UUID
    size: int


class ReadPush(msgspec.Struct, frozen=True):
    """The row of a waiting push with its body, sealed."""

    id: UUID
    account: UUID
    connection: UUID
    source: str
    push: bytes


class NumberedTracking(msgspec.Struct, frozen=True):
    """The row of a parcel that has a number."""

    id: UUID
    tracking_number: str
    courier_code: str
    archived: bool


class ShownCall(msgspec.Struct, frozen=True):
    """The row with the result of a push, as its page shows it."""

    id: UUID
    became: PushResult
    detail: str | None


async def find_address(session: Session, digest: bytes) -> Address | None:
    """Return the connection of a token, by its digest; None for an unknown one or one that has expired."""
    row = await fetch_one(session, "inbound_address", digest)
    return None if row is None else msgspec.convert(dict(row) | {"settings": _settings(row)}, Address)


async def tokens(session: Session, connections: Collection[UUID]) -> dict[UUID, bytes]:
    """Return the current tokens of connections, sealed."""
    return {row["connection"]: row["token"] for row in await fetch(session, "inbound_tokens", list(connections))}


async def replaced_until(session: Session, connections: Collection[UUID]) -> dict[UUID, datetime]:
    """Return until when a replaced token of these connections still works."""
    rows = await fetch(session, "replaced_inbound_tokens", list(connections))
    return {row["connection"]: row["expires_at"] for row in rows}


async def accounts_waiting(session: Session, after: UUID, most: int) -> list[UUID]:
    """Return accounts that have pushes waiting, in order, after the given one."""
    return [row["account"] for row in await fetch(session, "accounts_with_pushes", after, most)]


async def crowded(session: Session, *, pushes: int, size: int) -> frozenset[UUID]:
    """Return the accounts that have this many pushes, or this many bytes, waiting."""
    return frozenset(row["account"] for row in await fetch(session, "crowded_accounts", pushes, size))


async def waiting(session: Session, account: UUID, most: int) -> list[WaitingPush]:
    """Return the oldest waiting pushes of an account, in the order of their arrival."""
    return [WaitingPush(row["id"], row["size"]) for row in await fetch(session, "waiting_pushes", account, most)]


async def find(session: Session, pushes: Collection[UUID]) -> list[ReadPush]:
    """Return waiting pushes with their bodies, in the order of their arrival."""
    return [ReadPush(*row) for row in await fetch(session, "find_pushes", list(pushes))]


async def settings_of(session: Session, connections: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """Return the settings of connections; those that were deleted are left out."""
    rows = await fetch(session, "settings_of_connections", list(connections))
    return {row["id"]: _settings(row) for row in rows}


async def with_numbers(session: Session, account: UUID, numbers: Collection[str]) -> list[NumberedTracking]:
    """Return the account's parcels of these numbers, whatever their courier."""
    wanted = sorted(set(numbers))
    buckets = [ids.bucket_of(account, number) for number in wanted]
    rows = await fetch(session, "numbers_of_account", sorted(set(buckets)), buckets, account, wanted)
    return [NumberedTracking(*row) for row in rows]


async def known(session: Session, keys: Collection[tuple[UUID, bytes]]) -> set[tuple[UUID, bytes]]:
    """Return those of the keys, each with its connection, whose push was read within a week."""
    wanted = sorted(keys)
    rows = await fetch(session, "known_pushes", [one[0] for one in wanted], [one[1] for one in wanted])
    return {(row["connection"], row["digest"]) for row in rows}


async def count_unreadable(session: Session, connection: UUID) -> int:
    """Return how many pushes of a connection can't be read, counted up to ``MOST_COUNTED``."""
    row = await fetch_one(session, "count_unreadable_pushes", connection, MOST_COUNTED)
    return 0 if row is None else int(row["pushes"])


async def latest_calls(session: Session, connection: UUID, most: int) -> list[ShownCall]:
    """Return the results of the latest pushes of a connection, newest first."""
    return [
        ShownCall(row[0], PushResult(row[1]), row[2]) for row in await fetch(session, "latest_calls", connection, most)
    ]


def _settings(row: Record) -> dict[str, str]:
    settings: dict[str, str] = msgspec.json.decode(str(row["settings"]))
    return settings
