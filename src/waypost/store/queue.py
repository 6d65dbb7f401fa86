"""The queue of unsettled deliveries: claim, settle, retry, cancel. ``sql/queue.sql`` explains each statement.

``Settling`` runs inside one transaction: ``hold`` first; only what it returns may be settled or retried.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.endpoints import DisabledReason, Ordering
from waypost.domain.suspicion import Suspect
from waypost.store import hour_changes, intake_rows
from waypost.store.intake_rows import day_of
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint
from waypost.store.statements import Copied, Session, copy, execute, fetch, fetch_one, transaction
from waypost.store.trouble import REPEATABLE

ALL_BUCKETS: Final = list(range(ids.BUCKETS))
_RETRIES_A_CALL: Final = 100
ATTEMPTS: Final = Copied("attempt", (*AttemptRow.__struct_fields__, "day"))

NO_TRACKING: Final = UUID(int=0)
"""The stand-in for the tracking of a test, which has none."""

Queue = tuple[int, UUID, UUID]
"""The bucket, tracking and endpoint whose deliveries wait for each other."""


class Lane(msgspec.Struct, frozen=True):
    """What to claim for one endpoint: at most ``free`` deliveries that are due."""

    endpoint: UUID
    free: int


Lease = tuple[UUID, int]
"""A delivery's id and the fencing number of one lease of it."""


class Held(msgspec.Struct, frozen=True):
    """A delivery under the row lock of its settling; ``cancelling`` is the reason if it is to be cancelled."""

    ordering: str
    cancelling: str | None


async def claim(session: Session, lanes: Sequence[Lane], *, dispatcher: int, lease: timedelta) -> list[Claimed]:
    """Lease the rows of deliveries that are due, fairly among the lanes; each claim raises the fencing number."""
    rows = await fetch(
        session,
        "claim",
        ALL_BUCKETS,
        [lane.endpoint for lane in lanes],
        [lane.free for lane in lanes],
        dispatcher,
        lease,
    )
    return [Claimed(**row) for row in rows]


async def add_test(
    session: Session, account: UUID, endpoint: UUID, *, sample: str, random: tuple[int, int]
) -> UUID | None:
    """Insert the row of a test, the sample of a status, into the queue.

    Return its delivery's id; None if there is no such endpoint.

    ``random`` are 62 bits for each of its two ids; its event is written nowhere.
    """
    at, bucket = await intake_rows.now(session), random[0] % ids.BUCKETS
    delivery, event = (ids.make_id(at, bucket, bits) for bits in random)
    key = (bucket, delivery, account, endpoint, NO_TRACKING, event, sample)
    return None if await fetch_one(session, "add_test", *key) is None else delivery


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


async def settle(session: Session, finished: Sequence[Finished], *, dispatcher: int = 0) -> tuple[set[UUID], int]:
    """Record attempts and what follows from them, in one transaction; counted in this dispatcher's own hours.

    Return the endpoints whose next deliveries became free, and how many results came too late: their lease was lost, so
    they change nothing, but their attempts are kept, because they happened.
    """
    ordered = sorted(finished, key=lambda one: (one.claimed.bucket, one.claimed.tracking, one.claimed.endpoint))
    async with transaction(session):
        held, now = await _hold(session, ordered)
        late = [one for one in ordered if _lease(one) not in held]
        ours = await _passed(session, [one for one in ordered if _lease(one) in held], held)
        ends = _by_end(ours, held)
        for (state, reason, tried), group in ends.items():
            await execute(session, "settle", *_ids(group), state.value, reason and reason.value, int(tried))
        settled = {_lease(one): state for (state, _, _), group in ends.items() for one in group}
        await _retry(session, [one for one in ours if _lease(one) not in settled], now)
        ended = [one.claimed for one in ours if _lease(one) in settled]
        freed = await unblock(session, {(one.bucket, one.tracking, one.endpoint) for one in ended})
        known = await _known(session, late)
        attempts = [one.attempt for one in ordered if one.attempt is not None]
        await _keep_attempts(session, [one for one in attempts if (one.delivery, one.number) not in known])
        await hour_changes.tally(session, dispatcher, ordered, settled, now)
    return freed, len(late)


async def _passed(session: Session, ours: list[Finished], held: dict[Lease, Held]) -> list[Finished]:
    """Settle as superseded what failed and lets a newer one of its parcel pass; with ``latest``, all that failed."""
    heads = [one.claimed for one in ours if one.state is None and _lets_pass(one, held[_lease(one)])]
    if not heads:
        return ours
    keys = [(one.bucket, one.id, one.tracking, one.endpoint, one.sequence) for one in heads]
    columns = [list(column) for column in zip(*keys, strict=True)]
    passed = {row["id"] for row in await fetch(session, "newer", sorted(set(columns[0])), *columns)}
    end = {"state": Settled.SUPERSEDED, "reason": Reason.NEWER_EVENT}
    return [msgspec.structs.replace(one, **end) if one.claimed.id in passed else one for one in ours]


def _lets_pass(failed: Finished, held: Held) -> bool:
    match Ordering(held.ordering):
        case Ordering.LATEST:
            return True
        case Ordering.ORDERED:
            return failed.may_give_way
        case Ordering.UNORDERED:
            return False


async def _hold(session: Session, finished: Sequence[Finished]) -> tuple[dict[Lease, Held], datetime]:
    """Lock what is still ours, and return the database's time."""
    rows = await fetch(
        session,
        "hold",
        sorted({one.claimed.bucket for one in finished}),
        [one.claimed.bucket for one in finished],
        [one.claimed.id for one in finished],
        [one.claimed.lease_no for one in finished],
        [one.claimed.tries for one in finished],
    )
    now = rows[0]["now"] if rows else datetime.min.replace(tzinfo=UTC)
    return {(row["id"], row["lease_no"]): Held(row["ordering"], row["cancelling"]) for row in rows}, now


def _lease(finished: Finished) -> Lease:
    """Return results by lease: of two results of one delivery, at most one has the lease that is held."""
    return finished.claimed.id, finished.claimed.lease_no


def _by_end(
    ours: Sequence[Finished], held: dict[Lease, Held]
) -> dict[tuple[Settled, Reason | None, bool], list[Finished]]:
    """Group by end. A delivery cancelled in flight is delivered if the attempt succeeded, otherwise cancelled."""
    groups: dict[tuple[Settled, Reason | None, bool], list[Finished]] = {}
    for one in ours:
        state, reason = one.state, one.reason
        why = held[_lease(one)].cancelling
        if why is not None and state is not Settled.DELIVERED:
            state, reason = Settled.CANCELLED, Reason(why)
        if state is not None:
            groups.setdefault((state, reason, one.attempt is not None), []).append(one)
    return groups


async def _retry(session: Session, retried: Sequence[Finished], now: datetime) -> None:
    for start in range(0, len(retried), _RETRIES_A_CALL):
        some = retried[start : start + _RETRIES_A_CALL]
        at = [now + timedelta(seconds=one.wait_seconds) for one in some]
        tried, crashed = [int(one.attempt is not None) for one in some], [int(one.crashed) for one in some]
        await execute(session, "retry", *_ids(some), at, tried, crashed)


async def unblock(session: Session, queues: Collection[Queue]) -> set[UUID]:
    """Release the first of each queue that lost its head; return the endpoints that have something due as a result.

    Call it in the transaction that settled the heads, after it has locked their trackings or leases.
    """
    freed: set[UUID] = set()
    while queues:
        columns = [list(column) for column in zip(*sorted(queues), strict=True)]
        row = await fetch_one(session, "unblock", sorted(set(columns[0])), *columns)
        assert row is not None  # noqa: S101 - an aggregate gives a row
        freed.update(map(UUID, row["endpoints"]))
        if row["vanished"] <= 0:
            break
    return freed


async def _known(session: Session, late: Sequence[Finished]) -> set[tuple[UUID, int]]:
    """Return which attempts of late results are stored already, by delivery and number."""
    if not late:
        return set()
    days = sorted({day_of(one.claimed.id) for one in late})
    buckets, identifiers = _ids(late)
    rows = await fetch(session, "known_attempts", buckets, days, identifiers)
    return {(row["delivery"], row["number"]) for row in rows}


async def _keep_attempts(session: Session, attempts: Sequence[AttemptRow]) -> None:
    if attempts:
        records = [(*msgspec.structs.astuple(one), day_of(one.delivery)) for one in attempts]
        await copy(session, ATTEMPTS, records)


def _ids(finished: Sequence[Finished]) -> tuple[list[int], list[UUID]]:
    return sorted({one.claimed.bucket for one in finished}), [one.claimed.id for one in finished]


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
