"""How many calls an account has made in this second, counted for all processes together."""

from uuid import UUID

import msgspec

from waypost.store.statements import Session, fetch_one


class GrantedCalls(msgspec.Struct, frozen=True):
    """How many calls were granted, and how long the second in which they may be made still lasts."""

    granted: int
    seconds_left: float


async def take_calls(session: Session, account: UUID, call: str, *, wanted: int, most: int) -> GrantedCalls:
    """Take up to ``wanted`` calls from the ``most`` that an account may make in a second."""
    row = await fetch_one(session, "take_calls", account, call, wanted, most)
    assert row is not None  # noqa: S101 - an upsert gives its row
    return GrantedCalls(row["granted"], row["seconds_left"])
