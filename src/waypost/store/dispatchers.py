"""Dispatchers join, prove that they are alive, take over from dead ones, and leave. See ``sql/dispatchers.sql``."""

import secrets
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.suspicion import SUSPECT_AFTER
from waypost.store.statements import Session, execute, fetch, fetch_one

LOWEST: Final = 1 << 20
"""The previous version draws its numbers from a PostgreSQL sequence, from 1."""
_HIGHEST: Final = (1 << 31) - 1

Draw = Callable[[], int]


def draw() -> int:
    """Return a number that most likely no dispatcher has."""
    return LOWEST + secrets.randbelow(_HIGHEST - LOWEST + 1)


class DispatcherSlot(msgspec.Struct, frozen=True):
    """A place for a dispatcher under a parent, whose id is always new: whoever had the place before has ended.

    ``alone``: the parent is the `serve` that owns the PostgreSQL, so every other such parent has ended, too.
    """

    parent: UUID
    number: int
    alone: bool = True


class Dispatchers(msgspec.Struct, frozen=True):
    """How many dispatchers there are: those alive, and dead ones that no other has cleaned up after."""

    alive: int
    dead: int


async def join(
    session: Session, number: int | None = None, *, place: DispatcherSlot | None = None, draw_number: Draw = draw
) -> int:
    """Take a dispatcher's number and prove that it is alive: it lives as long as this session does.

    A dispatcher that lost its session joins again under its old ``number``, unless another one has cleaned up after it
    meanwhile, so that what it still has in flight is not mistaken for a dead dispatcher's. ``place`` is its place
    under a parent, if it has one.
    """
    if number is not None:
        if await _proves_life(session, number) and await fetch_one(session, "return_dispatcher", number) is not None:
            return number
        await execute(session, "disown", number)
    described = (False, None, None) if place is None else (place.alone, place.parent, place.number)
    while True:
        drawn = draw_number()
        # The lock first: whoever finds the row and gets the lock takes this dispatcher for dead.
        if not await _proves_life(session, drawn):
            continue
        if await fetch_one(session, "add_dispatcher", drawn, *described) is not None:
            return drawn
        await fetch_one(session, "yield_life", drawn)


async def come_back(session: Session, number: int, *, before: int, in_hand: Collection[UUID]) -> None:
    """Free what this process leased under the number it had ``before``, except what is ``in_hand``.

    Nobody else would before the leases expire, because the process lives: what it had not begun, and claims whose
    answers were lost. Deliveries in flight are leased under the present ``number`` from now on, so that they are not
    mistaken for a dead dispatcher's, even if the lost session still exists on the server.
    """
    await execute(session, "free_unbegun", before, list(in_hand))
    if number != before:
        await execute(session, "hand_over", before, number)
        await execute(session, "leave_dispatchers", before)


async def rescue(session: Session, number: int, *, place: DispatcherSlot | None = None) -> set[int]:
    """Record that this dispatcher works, take the leases of dead ones, and return the others that work.

    After a restart or a failover of PostgreSQL everybody has lost the lock, so this waits ten seconds, except for
    dispatchers that ``place`` shows to have ended.

    A death counts against what was in hand (``domain.suspicion``) only if the dead dispatcher had the same place: its
    parent has outlived it, so neither the machine failed nor was the `serve` killed as a whole. Therefore others leave
    a dispatcher with a place to its successor for ten seconds.
    """
    works = set()
    own = await fetch_one(session, "beat", number)
    settled = None
    for one in await fetch(session, "other_dispatchers", number):
        if one["works"]:
            works.add(one["number"])
        before = place is not None and (one["witness"], one["place"]) == (place.parent, place.number)
        ended = before or (place is not None and place.alone and one["child"] and one["witness"] != place.parent)
        theirs = one["witness"] is not None and not before and one["seen_lately"]
        if not ended and theirs:
            continue
        if not ended and settled is None:
            settled = own is not None and await _is_settled(session, own["joined_at"])
        if not ended and not settled:
            continue
        if await _proves_life(session, one["number"]):
            await _bury(session, one["number"], seen=before)
            works.discard(one["number"])
    return works


async def retire(session: Session, number: int, *, in_hand: Collection[UUID]) -> None:
    """Record that this dispatcher claims nothing more, and free what it leased except what is ``in_hand``.

    It lives until it leaves, so that nobody takes over what it is still sending.
    """
    await execute(session, "retire_dispatcher", number)
    await execute(session, "free_unbegun", number, list(in_hand))


async def leave(session: Session, number: int) -> None:
    """Release a dispatcher's leases and number, at a clean stop."""
    await execute(session, "rescue", number, None)
    await execute(session, "leave_dispatchers", number)


async def count(session: Session) -> Dispatchers:
    """Return how many dispatchers have joined: one is alive as long as its session holds the lock of its number."""
    numbers = {row["number"] for row in await fetch(session, "dispatcher_numbers")}
    alive = len(numbers & {row["number"] for row in await fetch(session, "lives")})
    return Dispatchers(alive, len(numbers) - alive)


async def _is_settled(session: Session, since: datetime) -> bool:
    """Return whether everybody alive has had ten seconds to prove it, since the server's start and since this time."""
    row = await fetch_one(session, "is_settled", since)
    return row is not None and bool(row["settled"])


async def _proves_life(session: Session, number: int) -> bool:
    """Take the lock of a number. Return False while another session holds it."""
    row = await fetch_one(session, "prove_life", number)
    return row is not None and bool(row["held"])


async def _bury(session: Session, number: int, *, seen: bool) -> None:
    """Release what a dead dispatcher held. A ``seen`` death counts against the suspects it held, otherwise all."""
    counts_from = None
    if seen:
        row = await fetch_one(session, "holds_suspects", number)
        counts_from = SUSPECT_AFTER if row is not None and row["suspects"] else 0
    await execute(session, "rescue", number, counts_from)
    await execute(session, "leave_dispatchers", number)
    await fetch_one(session, "yield_life", number)
