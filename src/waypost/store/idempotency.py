"""Idempotency keys: taken together with what they stand for, answered in the same commit."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.ids import bucket_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, execute, fetch, fetch_one

A_TIME: Final = 5_000
Key = tuple[UUID, str]
"""An account and its key."""


class KnownKey(msgspec.Struct, frozen=True):
    """The row of an idempotency key: the digest of its request, and the answer, None while the request is running."""

    request: bytes
    answer: bytes | None


async def take(session: Session, requests: Mapping[Key, bytes]) -> dict[Key, KnownKey]:
    """Take keys for requests with these digests; return those that are not new.

    New ones stay taken when the caller's transaction commits. Never waits for another transaction.
    """
    keys = sorted(requests)
    columns = _columns(keys)
    locked = [(row["account"], row["key"]) for row in await fetch(session, "lock_keys", *columns[1:])]
    taken = await fetch(session, "take_keys", *_columns(locked), [requests[key] for key in locked]) if locked else []
    new = {(row["account"], row["key"]) for row in taken}
    if len(new) == len(keys):
        return {}
    known = await find(session, keys)
    running = KnownKey(b"", None)
    return {key: known.get(key, running) for key in keys if key not in new}


async def find(session: Session, keys: Sequence[Key]) -> dict[Key, KnownKey]:
    """Return the rows of those idempotency keys that were used and committed."""
    columns = _columns(keys)
    rows = await fetch(session, "known_keys", sorted(set(columns[0])), *columns)
    return {(row["account"], row["key"]): KnownKey(row["request"], row["answer"]) for row in rows}


async def answer(session: Session, answers: Mapping[Key, bytes]) -> None:
    """Store the answers of keys that the caller has taken in this transaction."""
    keys = sorted(answers)
    columns = _columns(keys)
    await execute(session, "answer_keys", sorted(set(columns[0])), *columns, [answers[key] for key in keys])


async def forget(session: Session) -> int:
    """Delete some keys that are a day old, and return how many; 0 if none is left."""
    row = await fetch_one(session, "forget_keys", ALL_BUCKETS, A_TIME)
    forgotten: int = row["forgotten"] if row else 0
    return forgotten


def _columns(keys: Sequence[Key]) -> tuple[list[int], list[UUID], list[str]]:
    return [bucket_of(*key) for key in keys], [key[0] for key in keys], [key[1] for key in keys]
