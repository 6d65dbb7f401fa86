"""One batch of updates in its caller's transaction: register what is new, then merge portion by portion.

``_resolve`` finds or registers the trackings; ``_portions`` groups those that are locked, merged and written together
(``merging``), so that a large batch is never in memory as a whole and does not block the loop.
"""

import os
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids, trackings
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import SubscribedEndpoint
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.merging import BatchedUpdate, MergedUpdate, NewTrackings, Portion, Reports, merge, row_of
from waypost.store import intake_rows
from waypost.store.few_updates import lock_if_known
from waypost.store.intake_rows import Found, RegisteredTracking, TrackingKey
from waypost.store.statements import Session
from waypost.store.states import pack
from waypost.turns import Turn

PORTION_BYTES: Final = 4 << 20
"""The compressed states of a portion. A larger one is a portion of its own."""
PORTION_DELIVERIES: Final = 4_000
"""The maximum deliveries of a portion."""
PORTION_TRACKINGS: Final = 250
"""The maximum trackings of a portion: each of its statements is made and read within a few milliseconds."""

MOST_IN_FEW: Final = 16
"""The maximum number of requests in a small batch: even their largest states together fit into one portion."""

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
    known = await _resolve(session, keyed, polled, turn)
    results, updates = await _sort(keyed, known.found, known.made, turn)
    if not updates:  # registering alone makes no events
        return Written(results, frozenset())
    listeners = await intake_rows.endpoints_of(session, sorted({request.account for request in requests}))
    endpoints: frozenset[UUID] = frozenset()
    for portion in _portions(requests, updates, known, listeners):
        await turn.pause()
        reports = {one: _reports(requests, results, updates[one]) for one in portion}
        if portion[0] in known.new:
            merged, freed = await _merge_new(Portion(session, listeners, known.now, polled), reports, known.new)
        else:
            merged, freed = await merge(session, reports, listeners)
        _note(results, merged, reports)
        endpoints |= freed
    await _restart(session, requests, results)
    return Written(results, endpoints)


async def _write_few(session: Session, keyed: _Keyed, polled: frozenset[str], turn: Turn) -> Written | None:
    """Write few updates in two round trips, if all their trackings are known or none is; otherwise return None."""
    if not 1 <= len(keyed) <= MOST_IN_FEW or any(request.update is None for _, request in keyed):
        return None
    keys = sorted({key for key, _ in keyed})
    few = await lock_if_known(session, keys)
    found = dict(few.found)
    if 0 < len(found) < len(keys):
        return None
    new = {} if found else await _new(_missing(keyed, found), few.now, turn)
    found |= {key: tracking for tracking, (key, _) in new.items()}
    requests = [request for _, request in keyed]
    results, updates = await _sort(keyed, found, {tracking: state for tracking, (_, state) in new.items()}, turn)
    reports = {one: _reports(requests, results, updates[one]) for one in updates}
    portion = Portion(session, few.endpoints, few.now, polled)
    if new:
        merged, endpoints = await _merge_new(portion, reports, new)
    else:
        await portion.apply_to_known(reports, [row for row in few.locked if row.id in reports])
        merged, endpoints = portion.merged, await portion.write()
    _note(results, merged, reports)
    await _restart(session, requests, results)
    return Written(results, endpoints)


async def _merge_new(
    portion: Portion, reports: Reports, new: NewTrackings
) -> tuple[dict[int, MergedUpdate], frozenset[UUID]]:
    """Register new trackings with the state that their updates result in; return as ``merge``."""
    await portion.apply_to_new(reports, new)
    return portion.merged, await portion.write()


def _note(results: list[Result], merged: Mapping[int, MergedUpdate], reports: Reports) -> None:
    """Replace the results of updates by what merging them resulted in."""
    for place in (report.place for one in reports.values() for report in one):
        results[place] = _result(results[place], merged.get(place))


class _Known(msgspec.Struct, frozen=True):
    """The trackings of a batch by their keys: with the ``sizes`` of those that existed, and the states of the others.

    ``registered`` are in the database already, since nothing but that was asked for; ``new`` are not. ``now`` is the
    time when these got their ids, in Unix milliseconds.
    """

    found: Mapping[TrackingKey, UUID]
    sizes: Mapping[UUID, int]
    registered: _Made
    new: NewTrackings
    now: int

    @property
    def made(self) -> _Made:
        """The states of the trackings that did not exist."""
        return self.registered | {tracking: state for tracking, (_, state) in self.new.items()}


async def _resolve(session: Session, keyed: _Keyed, polled: frozenset[str], turn: Turn) -> _Known:
    """Find the trackings, and register those that are to be registered only.

    These are not looked up first: the insert shows whether they exist. Other new ones are registered with the state
    after their updates: if another transaction does so meanwhile, this one is run again.
    """
    updated = {key for key, request in keyed if request.update is not None}
    existing = await intake_rows.find(session, sorted(updated))
    missing = _missing(keyed, existing)
    if not missing:
        return _known(existing, {}, {}, 0)
    now = await intake_rows.now(session)
    new = await _new(missing, now, turn)
    alone = {tracking: (key, state) for tracking, (key, state) in new.items() if key not in updated}
    created: set[UUID] = set()
    if alone:
        rows = []
        for tracking, (key, state) in alone.items():
            await turn.pause()
            rows.append(RegisteredTracking(key, state.created_at, row_of(tracking, state, pack(state))))
        created = await intake_rows.register(session, rows, polled)
        # The others existed already, or somebody else has registered them meanwhile: a new snapshot shows them.
        existing |= await intake_rows.find(
            session, sorted(key for tracking, (key, _) in alone.items() if tracking not in created)
        )
    registered = {tracking: alone[tracking] for tracking in created}
    return _known(existing, registered, {tracking: one for tracking, one in new.items() if tracking not in alone}, now)


def _known(existing: Mapping[TrackingKey, Found], registered: NewTrackings, new: NewTrackings, now: int) -> _Known:
    found = {key: one.id for key, one in existing.items()}
    found |= {key: tracking for made in (registered, new) for tracking, (key, _) in made.items()}
    sizes = {one.id: one.bytes for one in existing.values()}
    return _Known(found, sizes, {tracking: state for tracking, (_, state) in registered.items()}, new, now)


def _missing(keyed: _Keyed, found: Collection[TrackingKey]) -> dict[TrackingKey, Request]:
    """Return the first request of each tracking that is to be registered unless it exists."""
    return {key: request for key, request in reversed(keyed) if request.create and key not in found}


async def _new(missing: Mapping[TrackingKey, Request], now: int, turn: Turn) -> NewTrackings:
    """Return new trackings, as their first requests register them."""
    new = {}
    for key, request in missing.items():
        await turn.pause()
        tracking = ids.make_id(now, key[0], _RANDOM.getrandbits(62))
        parcel = (tracking.hex, request.tracking_number, request.courier_code)
        new[tracking] = (
            key,
            trackings.register(*parcel, request.given, now, source=request.source, auto_correct=request.auto_correct),
        )
    return new


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
    requests: Sequence[Request], updates: _Updates, known: _Known, listeners: Mapping[UUID, list[SubscribedEndpoint]]
) -> Iterator[list[UUID]]:
    """Yield the trackings to update, grouped as they are merged.

    New ones come first, in the common order of registration, then all others in the common order of locks: so no two
    batches wait for each other.
    """
    new = sorted((one for one in updates if one in known.new), key=lambda one: known.new[one][0])
    locked = sorted((one for one in updates if one not in known.new), key=lambda one: (ids.bucket(one), one))
    for ordered in (new, locked):
        portion: list[UUID] = []
        size = deliveries = 0
        for tracking in ordered:
            places, bytes_of_it = updates[tracking], known.sizes.get(tracking, 0)
            more = len(places) * len(listeners[requests[places[0]].account])
            if portion and (
                len(portion) == PORTION_TRACKINGS
                or size + bytes_of_it > PORTION_BYTES
                or deliveries + more > PORTION_DELIVERIES
            ):
                yield portion
                portion, size, deliveries = [], 0, 0
            portion.append(tracking)
            size += bytes_of_it
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
