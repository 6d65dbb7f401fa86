"""The source of a parcel: its connection, the last result, the connections tried before, or why it is not polled."""

from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions import connectable
from waypost.actions.actor import Actor
from waypost.actions.context import Context
from waypost.domain import ids
from waypost.domain.connections import ConnectionKind, ConnectionState
from waypost.domain.statuses import Status
from waypost.domain.times import rfc3339_or_none
from waypost.domain.trackings import TrackingState
from waypost.store import connections, registrations, shipments, trackings, watches
from waypost.store.connections import ConnectionRow
from waypost.store.registrations import ShownRegistration
from waypost.store.shipments import Replacement
from waypost.store.trackings import Filter, WatchedTracking
from waypost.store.watches import Watch

MOST_OTHERS: Final = 10
_ENDED: Final = (Status.DELIVERED, Status.EXPIRED)


class NotAsked(StrEnum):
    """Why a parcel is not polled.

    archived        it is archived
    ended           its journey has ended
    choosing        a connection is being chosen, within seconds
    unconnected     no connection covers its courier, but one can be added
    unsupported     this version of Waypost can't poll its courier
    """

    ARCHIVED = "archived"
    ENDED = "ended"
    CHOOSING = "choosing"
    UNCONNECTED = "unconnected"
    UNSUPPORTED = "unsupported"


class PolledConnection(msgspec.Struct, frozen=True):
    """A connection that is used for a parcel, or did not know its number, with its state."""

    connection: str
    name: str
    state: str


class RegisteredThere(msgspec.Struct, frozen=True):
    """A connection at whose service a parcel was registered.

    ``refused`` is why the service rejected it, ``stopped_at`` when its registration was ended.
    """

    connection: str
    name: str
    refused: str | None
    stopped_at: str | None = None


class ParcelSource(msgspec.Struct, frozen=True):
    """The connection that is used for a parcel; ``asked`` is null if there is none.

    ``outcome`` is the result of the last poll: ``new``, ``unchanged``, ``unknown_number``, or why it failed.
    ``tried`` are connections that did not know the number, in the order of the polls, without deleted ones.
    ``pushed_at`` is when the service of ``asked`` last pushed the parcel, or when it was registered there: it is polled
    only if pushes stop arriving. It is null for carriers.
    """

    asked: PolledConnection | None
    outcome: str | None
    tried: list[PolledConnection]
    not_asked: NotAsked | None
    registered: list[RegisteredThere] = []
    pushed_at: str | None = None


async def of_parcel(context: Context, actor: Actor, row: WatchedTracking) -> ParcelSource:
    """Return the source of one of the account's parcels."""
    async with context.database.serving.acquire() as session:
        watch = await watches.watch_of(session, row.id)
        known = {one.id: one for one in await connections.of_account(session, actor.account, shared=True)}
        told = await registrations.of_parcel(session, actor.account, row.id)
    there = [_there(one) for one in told]
    if watch is None:
        return ParcelSource(None, None, [], _why(context, row.state, None), there)
    asked = known.get(watch.connection) if watch.connection is not None else None
    tried = [_asked(known[one]) for one in watch.tried if one in known]
    active = asked is not None and watch.next_poll_at is not None
    return ParcelSource(
        None if asked is None else _asked(asked),
        watch.outcome,
        tried,
        None if active else _why(context, row.state, watch),
        there,
        rfc3339_or_none(watch.heard_at) if asked is not None and asked.kind == ConnectionKind.PUSH else None,
    )


async def replaced_by(context: Context, actor: Actor, tracking: UUID) -> Replacement | None:
    """Return the parcel that the shop lists instead of one of the account's parcels; None if there is none."""
    async with context.database.serving.acquire() as session:
        return await shipments.replacement_of(session, actor.account, tracking)


async def same_number(context: Context, actor: Actor, state: TrackingState) -> list[TrackingState]:
    """Return the account's other parcels of the same number, under other couriers, at most ``MOST_OTHERS``."""
    wanted = Filter(numbers=(state.tracking_number,))
    async with context.database.serving.acquire() as session:
        found = await trackings.page(session, actor.account, wanted, limit=MOST_OTHERS + 1)
    return [one.state for one in found if UUID(hex=state.id) != one.id]


def _there(row: ShownRegistration) -> RegisteredThere:
    connection = ids.to_text(ids.CONNECTION, row.connection)
    return RegisteredThere(connection, row.name, row.refused, rfc3339_or_none(row.stopped_at))


def _asked(row: ConnectionRow) -> PolledConnection:
    state = row.state if row.enabled else ConnectionState.PAUSED
    return PolledConnection(ids.to_text(ids.CONNECTION, row.id), row.name, state)


def _why(context: Context, state: TrackingState, watch: Watch | None) -> NotAsked:
    if state.archived:
        return NotAsked.ARCHIVED
    if state.status in _ENDED:
        return NotAsked.ENDED
    if watch is not None and watch.next_poll_at is not None:
        return NotAsked.CHOOSING
    could = connectable.that_answer_for(state.courier_code, state.tracking_number, context.codes)
    return NotAsked.UNCONNECTED if could else NotAsked.UNSUPPORTED
