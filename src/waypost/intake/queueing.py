"""Appends new deliveries, of events and of recoveries, to their queues in the caller's transaction.

The caller holds the row locks of their trackings.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.endpoints import Ordering
from waypost.store import intake_rows, queue
from waypost.store.intake_rows import QueuedDelivery
from waypost.store.rows import NewDelivery
from waypost.store.statements import Session

# Python 3.11 looks up a member of an enumeration fifteen times as slowly as a name of the module.
_LATEST: Final = Ordering.LATEST
_UNORDERED: Final = Ordering.UNORDERED

Key = tuple[UUID, UUID]
"""The tracking and endpoint of a queue."""


class Line(msgspec.Struct, frozen=True):
    """Where new deliveries are put: those ``waiting`` in a queue, and those ``superseded`` by a newer new one.

    ``freed`` are the endpoints that can send because older deliveries have given way.
    """

    waiting: list[NewDelivery]
    superseded: list[NewDelivery]
    freed: frozenset[UUID]


async def enqueue(session: Session, new: Sequence[NewDelivery]) -> frozenset[UUID]:
    """Queue deliveries, each parcel's by rising sequence, and return the endpoints that can now send."""
    return await write_line(session, await line_up(session, new, behind=new))


async def line_up(session: Session, new: Sequence[NewDelivery], *, behind: Iterable[NewDelivery]) -> Line:
    """Find the places of deliveries, each parcel's by rising sequence, in the queues of those given as ``behind``.

    The first one in an empty queue is its head; the others are blocked behind it. For an endpoint that wants the latest
    event only, a newer event supersedes the older ones that are not in flight.
    """
    queues = {(one.bucket, one.tracking, one.endpoint, one.ordering) for one in behind}
    standing = await intake_rows.queued_deliveries(session, list(queues))
    passed, old = _superseded(new, standing)
    freed = frozenset[UUID]()
    if old:
        gone = await intake_rows.supersede(session, [one.id for one in old])
        standing = [one for one in standing if one.id not in gone]
        left = {(one.bucket, one.tracking, one.endpoint) for one in standing}
        unblocked = await queue.unblock(session, left & {(one.bucket, one.tracking, one.endpoint) for one in old})
        freed = frozenset(unblocked)
    waiting = _in_line([one for one in new if one.id not in passed], standing)
    return Line(waiting, [one for one in new if one.id in passed], freed)


async def write_line(session: Session, line: Line) -> frozenset[UUID]:
    """Write deliveries to where they were put, and return the endpoints that can now send."""
    await intake_rows.write_deliveries(session, line.waiting)
    await intake_rows.write_superseded(session, line.superseded)
    return line.freed | {one.endpoint for one in line.waiting if not one.blocked}


def _superseded(
    new: Sequence[NewDelivery], standing: Sequence[QueuedDelivery]
) -> tuple[set[UUID], list[QueuedDelivery]]:
    """Return the new deliveries that a newer event supersedes, and the queued ones that a new one may supersede."""
    newest: dict[Key, int] = defaultdict(int)
    latest = [one for one in new if one.ordering == _LATEST]
    for one in latest:
        newest[one.tracking, one.endpoint] = max(newest[one.tracking, one.endpoint], one.sequence)
    old = [one for one in standing if one.sequence < newest.get((one.tracking, one.endpoint), 0)]
    for other in standing:
        if (other.tracking, other.endpoint) in newest:
            newest[other.tracking, other.endpoint] = max(newest[other.tracking, other.endpoint], other.sequence)
    return {one.id for one in latest if one.sequence < newest[one.tracking, one.endpoint]}, old


def _in_line(new: Iterable[NewDelivery], standing: Iterable[QueuedDelivery]) -> list[NewDelivery]:
    occupied = {(one.tracking, one.endpoint) for one in standing}
    waiting = []
    for one in new:
        if one.ordering == _UNORDERED:
            waiting.append(one)
        elif (key := (one.tracking, one.endpoint)) in occupied:
            waiting.append(msgspec.structs.replace(one, blocked=True))
        else:
            occupied.add(key)
            waiting.append(one)
    return waiting
