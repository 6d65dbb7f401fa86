"""Settling: what follows from attempts, in one transaction. ``sql/queue.sql`` explains each statement.

Deliveries that are still ours are locked first, in the order of intake's locks; only those are settled or retried.
``unblock`` is a later statement, with a snapshot of its own.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.deliveries import Reason, Settled
from waypost.domain.endpoints import Ordering
from waypost.store import hour_counts
from waypost.store.intake_rows import day_of
from waypost.store.queue import Results, unblock
from waypost.store.rows import AttemptRow, Finished
from waypost.store.statements import Copied, Session, copy, execute, fetch, fetch_one, transaction

_RETRIES_A_CALL: Final = 100
ATTEMPTS: Final = Copied("attempt", (*AttemptRow.__struct_fields__, "day"))
COPIED_FROM: Final = 32
"""From this many on, attempts are copied: COPY costs two round trips more, and each row costs less."""

Lease = tuple[UUID, int]
"""A delivery's id and the fencing number of one lease of it."""


class Held(msgspec.Struct, frozen=True):
    """A delivery under the row lock of its settling; ``cancelling`` is the reason if it is to be cancelled."""

    ordering: str
    cancelling: str | None


class _Kept(msgspec.Struct, frozen=True):
    """The finished attempts of a dispatcher, and what they add to its hours."""

    dispatcher: int
    finished: Sequence[Finished]
    hours: Sequence[hour_counts.Count]


class _SomeLate(Exception):
    """Not all leases of a batch are still ours."""


async def settle(session: Session, finished: Sequence[Finished], *, dispatcher: int = 0) -> tuple[set[UUID], int]:
    """Record attempts and what follows from them, in one transaction; counted in this dispatcher's own hours.

    Return the endpoints whose next deliveries became free, and how many results came too late: their lease was lost, so
    they change nothing, but their attempts are kept, because they happened.
    """
    ordered = sorted(finished, key=lambda one: one.claimed.id)
    if all(one.state is Settled.DELIVERED and one.attempt is not None for one in ordered):
        with suppress(_SomeLate):
            return await _settle_delivered(session, ordered, dispatcher), 0
    return await _settle_any(session, ordered, dispatcher)


async def _settle_delivered(session: Session, ordered: Sequence[Finished], dispatcher: int) -> set[UUID]:
    """Settle a batch in which all were delivered: the usual case, in fewer statements."""
    async with transaction(session):
        row = await fetch_one(session, "settle_delivered", *_leases(ordered))
        assert row is not None  # noqa: S101 - an aggregate gives a row
        if row["held"] < len(ordered):
            raise _SomeLate
        settled = dict.fromkeys(map(_lease, ordered), Settled.DELIVERED)
        hours = hour_counts.counted(ordered, settled, row["now"])
        return await _go_on(session, ordered if row["ordered"] else [], _Kept(dispatcher, ordered, hours))


async def _settle_any(session: Session, ordered: Sequence[Finished], dispatcher: int) -> tuple[set[UUID], int]:
    async with transaction(session):
        held, now = await _hold(session, ordered)
        settled = await _settle(session, [one for one in ordered if _lease(one) in held], held, now)
        late = [one for one in ordered if _lease(one) not in held]
        known = await _known(session, late)
        fresh = [one for one in ordered if one.attempt is None or (one.claimed.id, one.attempt.number) not in known]
        kept = _Kept(dispatcher, fresh, hour_counts.counted(fresh, settled, now))
        freed = await _go_on(session, [one for one in ordered if _lease(one) in settled], kept)
    return freed, len(late)


async def _settle(
    session: Session, ours: list[Finished], held: dict[Lease, Held], now: datetime
) -> dict[Lease, Settled]:
    """End what has ended, have the rest retried, and return how deliveries ended."""
    passed = await _passed(session, ours, held)
    ends = _by_end(passed, held)
    for (state, reason, tried), group in ends.items():
        await execute(session, "settle", *_ids(group), state.value, reason and reason.value, int(tried))
    settled = {_lease(one): state for (state, _, _), group in ends.items() for one in group}
    await _retry(session, [one for one in passed if _lease(one) not in settled], now)
    return settled


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
    """Lock what is still ours, and return it with the database's time."""
    rows = await fetch(session, "hold", *_leases(finished))
    now = rows[0]["now"] if rows else datetime.min.replace(tzinfo=UTC)
    return {(row["id"], row["lease_no"]): Held(row["ordering"], row["cancelling"]) for row in rows}, now


def _leases(finished: Sequence[Finished]) -> tuple[list[UUID], list[int], list[int]]:
    return (
        [one.claimed.id for one in finished],
        [one.claimed.lease_no for one in finished],
        [one.claimed.tries for one in finished],
    )


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


async def _known(session: Session, late: Sequence[Finished]) -> set[tuple[UUID, int]]:
    """Return which attempts of late results are stored already, by delivery and number."""
    if not late:
        return set()
    days = sorted({day_of(one.claimed.id) for one in late})
    buckets, identifiers = _ids(late)
    rows = await fetch(session, "known_attempts", buckets, days, identifiers)
    return {(row["delivery"], row["number"]) for row in rows}


async def _go_on(session: Session, ended: Iterable[Finished], kept: _Kept) -> set[UUID]:
    """Release what waits for deliveries that have ended, and write attempts and counts; return whose lanes go on."""
    queues = {(one.claimed.bucket, one.claimed.tracking, one.claimed.endpoint) for one in ended}
    attempts = [one.attempt for one in kept.finished if one.attempt is not None]
    few = attempts if len(attempts) < COPIED_FROM else []
    if few or kept.hours:
        hours_and_attempts = (msgspec.json.encode(rows).decode() for rows in (kept.hours, few))
        freed = await unblock(session, queues, Results(kept.dispatcher, *hours_and_attempts))
    else:
        freed = await unblock(session, queues)
    if len(attempts) > len(few):
        records = [(*msgspec.structs.astuple(one), day_of(one.delivery)) for one in attempts]
        await copy(session, ATTEMPTS, records)
    return freed


def _ids(finished: Sequence[Finished]) -> tuple[list[int], list[UUID]]:
    return sorted({one.claimed.bucket for one in finished}), [one.claimed.id for one in finished]
