"""The queue of unsettled deliveries: claim, unblock, cancel. ``sql/queue.sql`` explains each statement.

``settling`` ends deliveries, or has them retried.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.domain.deliveries import Reason
from waypost.domain.endpoints import DisabledReason
from waypost.domain.suspicion import Suspect
from waypost.store import intake_rows
from waypost.store.rows import Claimed, LaneEndpoint
from waypost.store.statements import Session, execute, fetch, fetch_one, transaction
from waypost.store.trouble import REPEATABLE

ALL_BUCKETS: Final = list(range(ids.BUCKETS))
_CLAIMED: Final = len(Claimed.__struct_fields__) - 1
"""`claim` returns the columns of a delivery, then those of its endpoint; each row has one of both.

The last field of a delivery, ``test_body``, is not among them: no test waits in a lane.
"""

NO_TRACKING: Final = UUID(int=0)
"""The stand-in for the tracking of a test, which has none."""

Queue = tuple[int, UUID, UUID]
"""The bucket, tracking and endpoint whose deliveries wait for each other."""


class Lane(msgspec.Struct, frozen=True):
    """What to claim for one endpoint: at most ``free`` deliveries that are due."""

    endpoint: UUID
    free: int


async def claim(
    session: Session, lanes: Sequence[Lane], *, dispatcher: int, lease: timedelta
) -> tuple[list[Claimed], dict[UUID, LaneEndpoint]]:
    """Lease the rows of deliveries that are due, fairly among the lanes; each claim raises the fencing number.

    Return with them the rows of their endpoints that they are sent with now.
    """
    rows = await fetch(
        session,
        "claim",
        [lane.endpoint for lane in lanes],
        [lane.free for lane in lanes],
        dispatcher,
        lease,
    )
    claimed = [Claimed(*row[:_CLAIMED]) for row in rows if row["id"] is not None]
    of_endpoints = rows[len(claimed) :]
    if any(one.packed is None for one in claimed):
        claimed = await _with_older_events(session, claimed)
    return claimed, {row["endpoint"]: LaneEndpoint(row["endpoint"], *row[_CLAIMED:]) for row in of_endpoints}


async def _with_older_events(session: Session, claimed: Sequence[Claimed]) -> list[Claimed]:
    without = [one for one in claimed if one.packed is None]
    buckets = [one.bucket for one in without]
    rows = await fetch(session, "claimed_events", sorted(set(buckets)), buckets, [one.event for one in without])
    packed = {row["id"]: row["packed"] for row in rows}
    return [msgspec.structs.replace(one, packed=one.packed or packed.get(one.event)) for one in claimed]


class CustomPayload(msgspec.Struct, frozen=True):
    """What a test sends instead of a sample: a packed state or a body, and the number of its parcel."""

    tracking_number: str | None
    state: bytes | None = None
    body: bytes | None = None


async def add_test(
    session: Session,
    account: UUID,
    endpoint: UUID,
    *,
    sample: str,
    random: tuple[int, int],
    payload: CustomPayload | None = None,
) -> UUID | None:
    """Insert the row of a test, the sample of a status or a ``payload``, into the queue, in the caller's transaction.

    Return its delivery's id; None if there is no such endpoint.

    ``random`` are 62 bits for each of its two ids; its event is written nowhere.
    """
    at, bucket = await intake_rows.now(session), random[0] % ids.BUCKETS
    delivery, event = (ids.make_id(at, bucket, bits) for bits in random)
    key = (bucket, delivery, account, endpoint, NO_TRACKING, event, sample)
    if await fetch_one(session, "add_test", *key) is None:
        return None
    if payload is not None:
        await execute(session, "insert_test_payload", delivery, account, *msgspec.structs.astuple(payload))
    return delivery


async def delete_old_test_payloads(session: Session, before: datetime) -> int:
    """Delete some of the payloads of tests from before a time; return how many."""
    return len(await fetch(session, "delete_old_test_payloads", ids.first_at(before)))


class Noted(msgspec.Struct, frozen=True):
    """An endpoint's health: the outcome by which it fails, None if it accepted, and the seconds until its next probe.

    ``pause`` is None while its breaker is not open.
    """

    error: str | None
    pause: float | None = None


class Manual(msgspec.Struct, frozen=True):
    """Which tests and resends to claim: ``most`` in all, ``most_each`` per endpoint, and none of those listed."""

    most: int
    most_each: int
    busy_endpoints: Sequence[UUID] = ()
    busy_accounts: Sequence[UUID] = ()


async def claim_by_hand(session: Session, wanted: Manual, *, dispatcher: int, lease: timedelta) -> list[Claimed]:
    """Lease the rows of tests and resends that are due, the longest due first."""
    busy = wanted.busy_endpoints, wanted.busy_accounts
    rows = await fetch(session, "claim_by_hand", ALL_BUCKETS, wanted.most, dispatcher, lease, *busy, wanted.most_each)
    return [Claimed(**row) for row in rows]


async def suspects(session: Session, dispatcher: int) -> list[Suspect]:
    """Return the suspects that are due, and which of them this dispatcher has in hand."""
    return [Suspect(**dict(row)) for row in await fetch(session, "suspects", ALL_BUCKETS, dispatcher)]


async def claim_suspects(
    session: Session, chosen: Sequence[Suspect], *, dispatcher: int, lease: timedelta
) -> list[Claimed]:
    """Lease these suspects, except those that somebody else has taken."""
    identifiers = [one.id for one in chosen]
    buckets = sorted({ids.bucket(one) for one in identifiers})
    rows = await fetch(session, "claim_suspects", buckets, identifiers, dispatcher, lease)
    return [Claimed(**row) for row in rows]


async def scout(session: Session) -> dict[UUID, float]:
    """Return each lane's seconds until something in it is due; negative if it is overdue."""
    return {row["endpoint"]: row["due_in"] for row in await fetch(session, "scout", ALL_BUCKETS)}


async def lane_endpoints(session: Session, endpoints: Sequence[UUID]) -> dict[UUID, LaneEndpoint]:
    """Return the rows of these endpoints that deliveries are sent with now."""
    rows = await fetch(session, "lane_endpoints", list(endpoints))
    return {row["id"]: LaneEndpoint(**dict(row)) for row in rows}


class Results(msgspec.Struct, frozen=True):
    """The attempts that a dispatcher writes while it unblocks queues, and the counts of its hours, both as JSON."""

    dispatcher: int
    hours: str
    attempts: str


_NONE: Final = Results(0, "[]", "[]")


async def unblock(session: Session, queues: Collection[Queue], results: Results = _NONE) -> set[UUID]:
    """Release the first of each queue that lost its head; return the endpoints that have something due as a result.

    Call it in the transaction that settled the heads, after it has locked their trackings or leases.
    """
    freed: set[UUID] = set()
    keys = sorted(queues)
    trackings, endpoints = [tracking for _, tracking, _ in keys], [endpoint for *_, endpoint in keys]
    while queues or results is not _NONE:
        written = results.dispatcher, results.hours, results.attempts
        row = await fetch_one(session, "unblock", trackings, endpoints, *written)
        results = _NONE
        assert row is not None  # noqa: S101 - an aggregate gives a row
        freed.update(map(UUID, row["endpoints"]))
        if row["vanished"] <= 0:
            break
    return freed


async def cancel_lane(session: Session, endpoint: UUID) -> int:
    """Cancel what a disabled endpoint has waiting, and return how many deliveries; 0 if none is left."""
    while True:
        with suppress(*REPEATABLE):
            return await _cancel_lane(session, endpoint)


async def _cancel_lane(session: Session, endpoint: UUID) -> int:
    async with transaction(session):
        rows = await fetch(session, "lane_queues", ALL_BUCKETS, endpoint)
        if not rows:
            return 0
        await _lock_trackings(session, rows)
        buckets = sorted({row["bucket"] for row in rows})
        done = await fetch_one(session, "cancel", buckets, [row["id"] for row in rows], Reason.ENDPOINT_OFF.value)
        assert done is not None  # noqa: S101 - an aggregate gives a row
        await unblock(session, {(row["bucket"], row["tracking"], endpoint) for row in rows})
        cancelled: int = done["cancelled"]
        return cancelled


async def cancel_some(session: Session, deliveries: Mapping[UUID, Queue], reason: Reason) -> int:
    """Cancel the rows of these deliveries, in the caller's transaction, and free what waits behind them.

    Return how many were cancelled or, in flight, marked to be; the others have been settled.
    """
    trackings = sorted({tracking for _, tracking, _ in deliveries.values()})
    buckets = [ids.bucket(tracking) for tracking in trackings]
    await fetch(session, "lock_trackings", sorted(set(buckets)), buckets, trackings)
    of = sorted({bucket for bucket, _, _ in deliveries.values()})
    done = await fetch_one(session, "cancel", of, list(deliveries), reason.value)
    assert done is not None  # noqa: S101 - an aggregate gives a row
    await unblock(session, set(deliveries.values()))
    changed: int = done["cancelled"] + done["marked"]
    return changed


async def free_lane(session: Session, endpoint: UUID, after: UUID) -> UUID | None:
    """Take deliveries that wait behind others out of their order, some at a time by id; return where to continue.

    None at the end. For an endpoint that is no longer ordered. The heads keep their places: nothing waits for them
    then.
    """
    while True:
        with suppress(*REPEATABLE):
            return await _free_lane(session, endpoint, after)


async def _free_lane(session: Session, endpoint: UUID, after: UUID) -> UUID | None:
    async with transaction(session):
        rows = await fetch(session, "blocked_of_endpoint", ALL_BUCKETS, endpoint, after)
        if not rows:
            return None
        await _lock_trackings(session, rows)
        await execute(session, "free", sorted({row["bucket"] for row in rows}), [row["id"] for row in rows])
        last: UUID = rows[-1]["id"]
        return last


async def _lock_trackings(session: Session, rows: Sequence[Record]) -> None:
    trackings = sorted({row["tracking"] for row in rows})
    buckets = [ids.bucket(tracking) for tracking in trackings]
    await fetch(session, "lock_trackings", sorted(set(buckets)), buckets, trackings)


async def disable(session: Session, endpoint: UUID, reason: DisabledReason) -> None:
    """Disable the row of an endpoint; without effect if it is disabled already."""
    await execute(session, "disable_endpoint", endpoint, reason.value)


async def note_health(session: Session, health: dict[UUID, Noted]) -> None:
    """Write the health of endpoints to their rows."""
    ordered = sorted(health.items())
    errors, pauses = [one.error for _, one in ordered], [one.pause for _, one in ordered]
    await execute(session, "note_health", [key for key, _ in ordered], errors, pauses)
