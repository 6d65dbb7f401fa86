"""One batch of updates in its caller's transaction: register what is new, then lock, merge and write what is known.

Nothing is locked before all new trackings are inserted, so two batches that have both wait for each other in one order.
"""

import os
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids, trackings
from waypost.domain.trackings import TrackingState
from waypost.intake.merging import Portion, row_of
from waypost.intake.requests import Batch, Request, Result
from waypost.store import intake_rows
from waypost.store.intake_rows import RegisteredTracking, TrackingKey
from waypost.store.known_trackings import Found, FoundTrackings, lock_if_known
from waypost.store.statements import Session
from waypost.store.states import pack
from waypost.turns import Turn

PORTION_BYTES: Final = 4 << 20
"""The maximum compressed states that are locked and read at a time; a larger one is read alone."""
ANY_SIZE: Final = (1 << 63) - 1
A_LOOK: Final = 16
"""After as many requests the clock is looked at, which takes as long as one of the steps."""

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret


class Written(msgspec.Struct, frozen=True):
    """The result of a batch: one result per request, and the endpoints that have something to send."""

    results: list[Result]
    endpoints: frozenset[UUID]


async def write(session: Session, requests: Sequence[Request], polled: frozenset[str]) -> Written:
    """Write the requests in the caller's transaction. ``polled`` are the courier codes that have a source to poll.

    Raise an error of ``REPEATABLE`` if another transaction interfered: then the transaction has to be run again.
    """
    accounts = {request.account for request in requests}
    turn = Turn(accounts.pop() if len(accounts) == 1 else None)
    places, updated, restarts = dict[TrackingKey, list[int]](), set[TrackingKey](), False
    for place, request in enumerate(requests):
        if not place % A_LOOK and turn.is_over():
            await turn.begin()
        key = request.key
        places.setdefault(key, []).append(place)
        if request.update is not None:
            updated.add(key)
            restarts = restarts or request.update.restarts
    batch = Batch(session, requests, places, polled, [Result()] * len(requests))
    if len(updated) < len(places):
        await _register_alone(batch, places.keys() - updated, turn)
    endpoints = await _update(batch, sorted(updated)) if updated else frozenset[UUID]()
    if restarts:
        await _poll_restarted(batch)
    return Written(batch.results, endpoints)


async def _register_alone(batch: Batch, keys: Collection[TrackingKey], turn: Turn) -> None:
    """Register trackings that have no update. They are not looked up first: the insert shows whether they exist."""
    now, rows, new = await intake_rows.now(batch.session), [], dict[TrackingKey, TrackingState]()
    for key in keys:
        if (first := batch.first(key)) is not None:
            await turn.pause()
            tracking, new[key] = _registered(first, key, now)
            rows.append(RegisteredTracking(key, now, row_of(tracking, new[key], pack(new[key]))))
    created = await intake_rows.register(batch.session, rows, batch.polled) if rows else set[UUID]()
    found = {one.key: one.row.id for one in rows if one.row.id in created}
    # The others existed already, or somebody else has registered them meanwhile: a new snapshot shows them.
    existing = await intake_rows.find(batch.session, sorted(keys - found.keys()))
    for key, tracking in (found | existing).items():
        for place in batch.places[key]:
            batch.results[place] = Result(tracking)
        if key in found:
            batch.results[batch.places[key][0]] = Result(tracking, created=True, changed=True, state=new[key])


def _registered(first: Request, key: TrackingKey, now: int) -> tuple[UUID, TrackingState]:
    """Return a new tracking's id and state, as its first request registers it."""
    tracking = ids.make_id(now, key[0], _RANDOM.getrandbits(62))
    parcel = (tracking.hex, first.tracking_number, first.courier_code)
    return tracking, trackings.register(*parcel, first.given, now, source=first.source, auto_correct=first.auto_correct)


async def _update(batch: Batch, keys: Sequence[TrackingKey]) -> frozenset[UUID]:
    """Apply the updates of these trackings, which are sorted; return the endpoints that can send because of them."""
    found = await lock_if_known(batch.session, keys, most_bytes=PORTION_BYTES)
    if found.locked:  # nearly always: all are known, and none of them is large
        return await _update_known(batch, found)
    endpoints = frozenset[UUID]()
    if len(found.trackings) < len(keys):
        endpoints |= await _update_new(batch, [key for key in keys if key not in found.trackings], found)
    for portion in _portions(found):
        endpoints |= await _lock_and_update(batch, portion)
    return endpoints


async def _update_new(batch: Batch, keys: Iterable[TrackingKey], found: FoundTrackings) -> frozenset[UUID]:
    """Register trackings with the states that their updates result in.

    If another transaction registers one of them meanwhile, this one is run again.
    """
    portion = Portion(batch, found.endpoints, found.now)
    for key in keys:
        if (first := batch.first(key)) is not None:
            tracking, state = _registered(first, key, found.now)
            await portion.apply_to_new(key, tracking, state)
    return await portion.write()


async def _update_known(batch: Batch, found: FoundTrackings) -> frozenset[UUID]:
    portion = Portion(batch, found.endpoints, found.now)
    for key, row in found.locked:
        await portion.apply_to_known(key, row)
    return await portion.write()


async def _lock_and_update(batch: Batch, keys: Sequence[TrackingKey]) -> frozenset[UUID]:
    """Lock known trackings, whatever their size, and apply their updates."""
    while keys:
        found = await lock_if_known(batch.session, keys, most_bytes=ANY_SIZE)
        if found.locked:
            return await _update_known(batch, found)
        keys = [key for key in keys if key in found.trackings]  # the others were deleted this moment
    return frozenset()


def _portions(found: FoundTrackings) -> Iterator[list[TrackingKey]]:
    """Yield the keys of known trackings in the common order of locks, grouped as they are read."""
    portion: list[TrackingKey] = []
    size = 0
    for key, tracking in sorted(found.trackings.items(), key=_order_of_locks):
        if portion and size + tracking.bytes > PORTION_BYTES:
            yield sorted(portion)
            portion, size = [], 0
        portion.append(key)
        size += tracking.bytes
    if portion:
        yield sorted(portion)


def _order_of_locks(found: tuple[TrackingKey, Found]) -> tuple[int, UUID]:
    (bucket, *_), tracking = found
    return bucket, tracking.id


async def _poll_restarted(batch: Batch) -> None:
    """Poll at once what was restarted."""
    restarted = [
        (result.tracking, result.state.courier_code, True)
        for request, result in zip(batch.requests, batch.results, strict=True)
        if request.update is not None and request.update.restarts
        if result.changed and result.tracking is not None and result.state is not None
    ]
    if restarted:
        await intake_rows.watch_again(batch.session, restarted)
