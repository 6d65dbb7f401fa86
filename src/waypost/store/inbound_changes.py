"""Rows of pushes, written by what receives them, reads them and keeps house."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.connections import ConnectionState
from waypost.domain.inbound import PushResult
from waypost.store.statements import Session, execute, fetch

A_TIME: Final = 500
LONGEST_DETAIL: Final = 300


class KeptPush(msgspec.Struct, frozen=True):
    """A push as it is stored; ``push`` is sealed, ``size`` the length of its body."""

    id: UUID
    account: UUID
    connection: UUID
    source: str
    size: int
    push: bytes


class PushOutcome(msgspec.Struct, frozen=True):
    """The result of one push; ``digest`` None for one that was refused."""

    id: UUID
    account: UUID
    connection: UUID
    became: PushResult
    digest: bytes | None
    detail: str | None


class PushHealth(msgspec.Struct, frozen=True):
    """What the latest calls say about their connection."""

    connection: UUID
    state: ConnectionState
    message: str | None = None
    sample: str | None = None


async def insert_inbound_token(session: Session, connection: UUID, digest: bytes, sealed: bytes) -> None:
    """Insert the row of a connection's token."""
    await execute(session, "insert_inbound_token", digest, connection, sealed)


async def expire_inbound_tokens(session: Session, connection: UUID, *, overlap: timedelta) -> None:
    """Let the present tokens of a connection expire after ``overlap``."""
    await execute(session, "expire_inbound_tokens", connection, overlap)


async def insert_pushes(session: Session, pushes: Sequence[KeptPush]) -> None:
    """Insert the rows of pushes."""
    await execute(session, "insert_pushes", *_columns(pushes, KeptPush))


async def delete_pushes(session: Session, calls: Sequence[PushOutcome]) -> None:
    """End waiting pushes and record their results, in the caller's transaction."""
    await execute(session, "delete_pushes", [call.id for call in calls])
    await insert_calls(session, calls)


async def insert_calls(session: Session, calls: Sequence[PushOutcome]) -> None:
    """Insert rows with the results of pushes."""
    await execute(session, "insert_calls", *_columns(calls, PushOutcome))


async def mark_unreadable(session: Session, calls: Sequence[PushOutcome]) -> None:
    """Keep pushes that can't be read, each for the reason in ``detail``, and note that."""
    await execute(session, "mark_unreadable", [call.id for call in calls], [call.detail or "" for call in calls])
    await insert_calls(session, calls)


async def mark_waiting(session: Session, connection: UUID) -> int:
    """Let the pushes of a connection that could not be read wait to be read again; return how many."""
    return len(await fetch(session, "mark_waiting", connection))


async def update_push_health(session: Session, health: Collection[PushHealth]) -> None:
    """Write what the latest calls say about their connections."""
    await execute(session, "update_push_health", *_columns(health, PushHealth))


async def delete_unreadable(session: Session, before: datetime) -> int:
    """Delete some unreadable pushes that arrived before a time, and expired tokens; return how many pushes."""
    await execute(session, "delete_inbound_tokens")
    return len(await fetch(session, "delete_unreadable", ids.first_at(before), A_TIME))


def _columns(rows: Collection[msgspec.Struct], kind: type[msgspec.Struct]) -> list[list[object]]:
    return [[getattr(row, name) for row in rows] for name in kind.__struct_fields__]
