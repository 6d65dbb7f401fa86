"""One batch of updates in its caller's transaction: register what is new, then merge portion by portion.

``_resolve`` finds or registers the trackings; ``_portions`` groups those that are locked, merged and written together
(``merging``), so that a large batch is never in memory as a whole and does not block the loop.
"""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids, trackings
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import SubscribedEndpoint
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.merging import BatchedUpdate, MergedUpdate, Portion, Reports, merge
from waypost.store import intake_rows
from waypost.store.few_updates import lock_if_known
from waypost.store.intake_rows import Found, TrackingKey
from waypost.store.statements import Session
from waypost.turns import Turn

PORTION_BYTES: Final = 4 << 20
"""The compressed states of a portion. A larger one is a portion of its own."""
PORTION_DELIVERIES: Final = 4_000
"""The maximum deliveries of a portion."""
PORTION_TRACKINGS: Final = 250
"""The maximum trackings of a portion: each of its statements is made and read within a few milliseconds."""

MOST_IN_FEW: Final = 16
"""The maximum requests that are written as few: even their largest states together are no more than a portion."""

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret


class Request(msgspec.Struct, frozen=True):
    """An update of one tracking. ``create`` registers the tracking, with the facts ``given``, if it is new.

    ``auto_correct`` lets a new tracking's courier code be replaced later.

    ``update`` None only registers. The number is already normalised and the courier code checked. ``tracking`` is set
    by callers that mean that parcel and no later one with the same number; ``source`` is the way in of a new one.
    ``wants_state`` includes the state after the update in the result.
    """

    account: UUID
    tracking_number: str
    courier_code: str
    update: Update | None = None
    create: bool = False
    given: dict[str, str] = {}
    auto_correct: bool = False
    tracking: UUID | None = None
    source: str = "API"
    wants_state: bool = False
    adapter: str = ""
    """The name of the carrier adapter that the update came from; empty for the API."""

    @property
    def key(self) -> TrackingKey:
        """The key that finds a tracking."""
        return (
            ids.bucket_of(self.account, self.tracking_number),
            self.account,
            self.tracking_number,
            self.courier_code,
        )

    @property
    def weight(self) -> int:
        """How much work and memory the request takes: one, plus one for each scan."""
        return 1 + (0 if self.update is None else len(self.update.checkpoints))


class Result(msgspec.Struct, frozen=True):
    """What intake answers to a ``Request``: no ``tracking`` if it is unknown; ``event`` is the newest one that it made.

    ``state`` is set if the request registered or restarted the tracking or asked for its state; other states are not
    kept in memory.
    """

    tracking: UUID | None = None
    event: UUID | None = None
    created: bool = False
    changed: bool = False
    state: TrackingState | None = None
    unread: tuple[Checkpoint, ...] = ()
    """The update's new scans that could not be read."""
    scans: int = 0
    """The scans that the tracking has after the update: how much work it was."""


class Written(msgspec.Struct, frozen=True):
    """The result of a batch: one result per request, and the endpoints that have something to send."""

    results: list[Result]
    endpoints: frozenset[UUID]


_Keyed = Sequence[tuple[TrackingKey, Request]]
_Made = dict[UUID, TrackingState]
_Updates = dict[UUID, list[int]]


async def write(session: Session, requests: Sequence[Request], polled: frozenset[str]) -> Written:
    """Write the requests in the caller's transaction. ``polled`` are the courier codes that have a source to poll.

    Raise an error of ``REPEATABLE`` if another transaction interfered: then the transaction has to be run again.
    """
    accounts = {request.account for request in requests}
    turn = Turn(accounts.pop() if len(accounts) == 1 else None)
    keyed = []
    for request in requests:
        await turn.pause()
        keyed.append((request.key, request))
    if (few := await _write_few(session, keyed, polled, turn)) is not None:
        return few
    found, made = await _resolve(session, keyed, polled, turn)
    results, updates = await _sort(keyed, {key: one.id for key, one in found.items()}, made, turn)
    if not updates:  # registering alone makes no events
        return Written(results, frozenset())
    listeners = await intake_rows.endpoints_of(session, sorted({request.account for request in requests}))
    sizes = {one.id: one.bytes for one in found.values()}
    endpoints: frozenset[UUID] = frozenset()
    for trackings_of_portion in _portions(requests, updates, sizes, listeners):
        await turn.pause()
        reports = {one: _reports(requests, results, updates[one]) for one in trackings_of_portion}
        fresh = {one: made[one] for one in trackings_of_portion if one in made}
        merged, freed = await merge(session, reports, fresh, listeners)
        _note(results, merged, reports)
        endpoints |= freed
    await _restart(session, requests, results)
    return Written(results, endpoints)


async def _write_few(session: Session, keyed: _Keyed, polled: frozenset[str], turn: Turn) -> Written | None:
    """Write few updates in two round trips, if all their trackings are known or none is; otherwise return None.

    Locks come after the registration of new trackings, as in larger batches, so two batches never wait for each other.
    """
    if not 1 <= len(keyed) <= MOST_IN_FEW or any(request.update is None for _, request in keyed):
        return None
    keys = sorted({key for key, _ in keyed})
    few = await lock_if_known(session, keys)
    new, made = dict[UUID, TrackingKey](), _Made()
    found = dict(few.found)
    if not found:
        for key, request in keyed:
            if request.create and key not in found:
                found[key], state = _register(key, request, few.now)
                new[found[key]], made[found[key]] = key, state
    elif len(found) < len(keys):
        return None
    requests = [request for _, request in keyed]
    results, updates = await _sort(keyed, found, made, turn)
    reports = {one: _reports(requests, results, updates[one]) for one in updates}
    portion = Portion(session, few.endpoints, few.now, to_register=new)
    await portion.apply_to_new(reports, made)
    await portion.apply_to_known(reports, [row for row in few.locked if row.id in reports])
    endpoints = await portion.write(polled=polled)
    _note(results, portion.merged, reports)
    await _restart(session, requests, results)
    return Written(results, endpoints)


def _note(results: list[Result], merged: Mapping[int, MergedUpdate], reports: Reports) -> None:
    """Replace the results of updates by what merging them resulted in."""
    for place in (report.place for one in reports.values() for report in one):
        results[place] = _result(results[place], merged.get(place))


async def _resolve(
    session: Session, keyed: _Keyed, polled: frozenset[str], turn: Turn
) -> tuple[dict[TrackingKey, Found], _Made]:
    """Find the trackings and register new ones. Return all by their keys, and the states of the new ones.

    Requests that only register are not looked up first: the insert shows whether the tracking exists. A new tracking
    needs no lock, since nobody else sees it yet.
    """
    found = await intake_rows.find(session, sorted({key for key, request in keyed if request.update is not None}))
    missing = {key: request for key, request in reversed(keyed) if request.create and key not in found}
    if not missing:
        return found, {}
    now = await intake_rows.now(session)
    new = {}
    for key, request in missing.items():
        await turn.pause()
        tracking, state = _register(key, request, now)
        new[tracking] = (key, state)
    created = await intake_rows.register(session, new, polled)
    found |= {key: Found(tracking, 0) for tracking, (key, _) in new.items() if tracking in created}
    # The others existed already, or somebody else has registered them meanwhile: a new snapshot shows them.
    found |= await intake_rows.find(session, sorted(missing.keys() - found.keys()))
    return found, {tracking: state for tracking, (_, state) in new.items() if tracking in created}


def _register(key: TrackingKey, request: Request, now: int) -> tuple[UUID, TrackingState]:
    """Return the id and state of a new tracking, as its first request registers it."""
    tracking = ids.make_id(now, key[0], _RANDOM.getrandbits(62))
    parcel = (tracking.hex, request.tracking_number, request.courier_code)
    state = trackings.register(*parcel, request.given, now, source=request.source, auto_correct=request.auto_correct)
    return tracking, state


async def _sort(
    keyed: _Keyed, found: Mapping[TrackingKey, UUID], made: _Made, turn: Turn
) -> tuple[list[Result], _Updates]:
    """Return each request's result as far as it is known, and the indexes of requests with an update by tracking."""
    results, updates = [Result()] * len(keyed), _Updates()
    makers = set(made)
    for place, (key, request) in enumerate(keyed):
        await turn.pause()
        tracking = found.get(key)
        if tracking is None or request.tracking not in (None, tracking):
            continue
        created = tracking in makers  # the first one with its number made the tracking
        makers.discard(tracking)
        results[place] = Result(tracking, created=created, changed=created, state=made[tracking] if created else None)
        if request.update is not None:
            updates.setdefault(tracking, []).append(place)
    return results, updates


def _portions(
    requests: Sequence[Request],
    updates: _Updates,
    sizes: Mapping[UUID, int],
    listeners: Mapping[UUID, list[SubscribedEndpoint]],
) -> Iterator[list[UUID]]:
    """Yield the trackings to update, in the common order of locks, grouped as they are merged."""
    portion: list[UUID] = []
    size = deliveries = 0
    for tracking in sorted(updates, key=lambda one: (ids.bucket(one), one)):
        places = updates[tracking]
        more = len(places) * len(listeners[requests[places[0]].account])
        if portion and (
            len(portion) == PORTION_TRACKINGS
            or size + sizes[tracking] > PORTION_BYTES
            or deliveries + more > PORTION_DELIVERIES
        ):
            yield portion
            portion, size, deliveries = [], 0, 0
        portion.append(tracking)
        size += sizes[tracking]
        deliveries += more
    if portion:
        yield portion


def _reports(requests: Sequence[Request], results: Sequence[Result], places: Sequence[int]) -> list[BatchedUpdate]:
    """Return the updates at these indexes; each has one."""
    return [
        BatchedUpdate(
            place,
            request.account,
            update,
            wants_state=request.wants_state or results[place].created or update.restarts,
        )
        for place in places
        if (update := (request := requests[place]).update) is not None
    ]


def _result(known: Result, merged: MergedUpdate | None) -> Result:
    """Return the result of an update; if ``merged`` is None, its tracking was deleted before it could be locked."""
    if merged is None:
        return Result()
    return msgspec.structs.replace(
        known,
        event=merged.event,
        changed=known.created or merged.changed,
        state=merged.state,
        unread=merged.unread,
        scans=merged.scans,
    )


async def _restart(session: Session, requests: Sequence[Request], results: Sequence[Result]) -> None:
    """Poll at once what was restarted."""
    restarted = [
        (UUID(hex=result.state.id), result.state.courier_code, True)
        for request, result in zip(requests, results, strict=True)
        if result.state is not None and result.changed and request.update is not None and request.update.restarts
    ]
    if restarted:
        await intake_rows.watch_again(session, restarted)
