"""Polls one connection's source for the parcels that are due, a handful at a time, within its budget."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.domain import budget, ids
from waypost.domain.budget import Spending
from waypost.domain.carriers import (
    BatchSource,
    CarrierError,
    CarrierLimited,
    CarrierRefused,
    CarrierSource,
    CarrierUnreadable,
    LimitedSource,
    Parcel,
    ParcelNotThere,
)
from waypost.domain.connections import ASKED_ELSEWHERE_AFTER, ConnectionState
from waypost.domain.facts import SHOP_FACTS
from waypost.domain.reused_numbers import of_this_parcel
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.collector import Intake, IntakeUnavailable, Overloaded
from waypost.intake.correcting import Detect, correct, courier_found
from waypost.intake.poll_schedule import AT_THE_DOOR, THE_REST, Schedule, rank
from waypost.intake.requests import Request, Result
from waypost.store import connection_changes, watches
from waypost.store.connection_changes import PollSummary
from waypost.store.database import Database
from waypost.store.watches import DueWatch, LeasedWatch, PollResult

_LOG: Final = structlog.get_logger()
CALLS_AT_ONCE: Final = 16
"""The maximum requests in flight to one source with one credential."""
SHARES: Final = (8, 4, 4)
"""How many calls of a handful each lane has for itself: out for delivery, never polled, the rest.

What one lane leaves over, the others take in this order.
"""
PARCEL_SECONDS: Final = 120.0
"""How long a parcel is leased."""
LOOK_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 15.0
OVERDUE_SECONDS: Final = 6 * 3600.0
"""A parcel that is overdue by this long may use the part of the budget that ordinary parcels leave."""
PAUSE_LIMITED_SECONDS: Final = 60.0
"""The pause after a 429 without a Retry-After."""
PAUSE_REFUSED_SECONDS: Final = 3600.0
"""A rejected key will still be rejected a moment later, and polling on could get it blocked."""
LONGEST_PAUSE_SECONDS: Final = 900.0
FIRST_RETRY_SECONDS: Final = 300.0
"""The wait after a failed poll; it doubles with each failure, but never exceeds the schedule's wait."""

_Outcome = PollResult | LeasedWatch


class ConnectionPoller:
    """One connection: its source, what it has spent, and its health.

    ``kept`` is what it had spent when that was last stored, or None. ``process`` holds its lease of ``lease_seconds``.
    ``slots`` bounds the calls of all connections together. One that ``pushes`` is polled for parcels whose pushes stop
    arriving.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        connection: UUID,
        source: CarrierSource,
        *,
        process: UUID,
        lease_seconds: float,
        kept: bytes | None,
        slots: asyncio.Semaphore,
        detect: Detect,
        pushes: bool,
        speed: float,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._intake = intake
        self._connection = connection
        self._source = source
        self._process = process
        self._lease_seconds = lease_seconds
        self._slots = slots
        self._detect = detect
        self._speed = speed
        self._schedule = Schedule(pushes, speed, source.budget.least_seconds_between_polls)
        self._now = now
        self._extra = source.extra_calls
        self._failures = 0
        self._has_failed = False
        self._noted = PollSummary(b"", answered=False)
        self.resume(kept)

    def resume(self, kept: bytes | None) -> None:
        """Continue with what the connection had spent when that was last stored, maybe by another process."""
        self._spending = budget.resume(_decode(kept), self._source.budget, self._now())
        self._rests_until = 0

    @property
    def is_resting(self) -> bool:
        """Whether its budget grants nothing for a while."""
        return 0 < self._rests_until - self._now() <= round(1000 * LONGEST_REST_SECONDS)  # more: the clock was set back

    async def run_once(self) -> int:
        """Poll one handful, several calls at once; parcels that the budget does not cover soon are given back.

        Return how many parcels were polled, or left to the pushes of their service.
        """
        async with self._database.engine.acquire() as session:
            each = _calls(self._source) * _size(self._source)
            due = await watches.due_watches(session, self._connection, each=each, overdue_seconds=OVERDUE_SECONDS)
            chosen = choose(due, _size(self._source), _calls(self._source))
            if not chosen or not self._may_begin(chosen):
                return 0
            free = {one.tracking: one for one in chosen}
            leased = await watches.lease_watches(session, self._connection, list(free), seconds=PARCEL_SECONDS)
        postponed = await self._leave_to_pushes(leased)
        leased = [watch for watch in leased if watch.tracking not in postponed]
        leased.sort(key=lambda watch: free[watch.tracking].rank)
        self._noted = PollSummary(b"", answered=False)
        self._has_failed = False
        calls = [self._in_turn(some, [free[watch.tracking] for watch in some]) for some in self._portions(leased)]
        outcomes = [outcome for some in await asyncio.gather(*calls) for outcome in some]
        await self._write(outcomes)
        return len(postponed) + sum(isinstance(outcome, PollResult) for outcome in outcomes)

    async def _leave_to_pushes(self, leased: Sequence[LeasedWatch]) -> set[UUID]:
        """Postpone parcels whose service has pushed them lately, or need not push them any more; return them."""
        now = self._now()
        found = [one for watch in leased if (one := self._schedule.left_to_pushes(watch, now)) is not None]
        if found:
            async with self._database.engine.acquire() as session:
                await watches.postpone_watches(session, found)
        return {one.watch.tracking for one in found}

    async def _write(self, outcomes: Sequence[_Outcome]) -> None:
        asked = [outcome for outcome in outcomes if isinstance(outcome, PollResult)]
        released = [outcome for outcome in outcomes if isinstance(outcome, LeasedWatch)]
        noted = msgspec.structs.replace(self._noted, spending=msgspec.msgpack.encode(self._spending))
        async with self._database.engine.acquire() as session:
            if asked:
                await watches.reschedule_watches(session, asked)
            if released:
                await watches.release_watches(session, released)
            await connection_changes.note_polls(
                session, self._connection, self._process, noted, seconds=self._lease_seconds
            )

    def _portions(self, leased: Sequence[LeasedWatch]) -> list[Sequence[LeasedWatch]]:
        size = _size(self._source)
        return [leased[start : start + size] for start in range(0, len(leased), size)]

    def _may_begin(self, chosen: Sequence[DueWatch]) -> bool:
        """Return whether leasing parcels is worthwhile: one of them may be polled within a moment."""
        urgent = any(map(_is_urgent, chosen))
        now = self._now()
        wait = budget.take(self._spending, now, urgent=urgent).wait_seconds
        if wait <= LOOK_SECONDS:
            return True
        # No longer, since what falls due meanwhile may be urgent.
        self._rests_until = now + round(1000 * min(wait, LONGEST_REST_SECONDS))
        return False

    async def _in_turn(self, some: Sequence[LeasedWatch], due: Sequence[DueWatch]) -> Sequence[_Outcome]:
        """Make one call once the budget grants it; parcels that are not polled are given back unchanged."""
        urgent = any(map(_is_urgent, due))
        while True:
            taken = budget.take(self._spending, self._now(), urgent=urgent)
            if taken.granted:
                break
            if taken.wait_seconds > LOOK_SECONDS:
                return some
            await asyncio.sleep(taken.wait_seconds)
        self._spending = taken.spending
        async with self._slots:
            return await self._ask(some)

    async def _ask(self, some: Sequence[LeasedWatch]) -> Sequence[_Outcome]:
        try:
            answers = await self._answers(some)
        except CarrierLimited as error:
            self._pause(error.retry_after_seconds or PAUSE_LIMITED_SECONDS, error, ConnectionState.LIMITED)
            return some
        except CarrierRefused as error:
            self._pause(PAUSE_REFUSED_SECONDS, error, ConnectionState.REFUSED)
            return some
        except CarrierError as error:
            self._stumble(error)
            return [self._failed(watch, error) for watch in some]
        except Exception as error:  # noqa: BLE001 - one carrier's odd answer must not end the loop
            _LOG.exception(
                "poll_crashed", carrier=self._source.name, connection=ids.to_text(ids.CONNECTION, self._connection)
            )
            self._stumble(error)
            return [self._failed(watch, error) for watch in some]
        finally:
            self._spending = budget.charge(self._spending, self._source.extra_calls - self._extra)
            self._extra = self._source.extra_calls
        return await self._take(list(zip(some, answers, strict=True)))

    async def _answers(self, some: Sequence[LeasedWatch]) -> list[Update | CarrierError]:
        if isinstance(self._source, BatchSource):
            parcels = [
                Parcel(one.state.tracking_number, _facts_of_shop(one.state), one.state.courier_code) for one in some
            ]
            return await self._source.poll_many(parcels)
        (watch,) = some
        return [await self._source.poll(watch.state.tracking_number, _facts_of_shop(watch.state))]

    async def _take(self, answers: Sequence[tuple[LeasedWatch, Update | CarrierError]]) -> Sequence[_Outcome]:
        """Submit what could be read; an unreadable answer affects its own parcel only, unless it is every parcel's."""
        absent = [self._absent(watch, answer) for watch, answer in answers if isinstance(answer, ParcelNotThere)]
        errors = [
            (watch, answer)
            for watch, answer in answers
            if isinstance(answer, CarrierError) and not isinstance(answer, ParcelNotThere)
        ]
        failed = [*absent, *(self._failed(watch, error) for watch, error in errors)]
        read = [(watch, of_this_parcel(watch.state, answer)) for watch, answer in answers if isinstance(answer, Update)]
        if not read and not absent:
            self._stumble(errors[0][1])
            return failed
        self._failures = 0
        # The last answer of a service that pushes is its last push: its page says so.
        self._noted = PollSummary(b"", answered=not self._schedule.pushes, state=ConnectionState.WORKS)
        read = [(await self._corrected(watch, update), update) for watch, update in read]
        requests = [
            Request(
                one.account,
                one.state.tracking_number,
                one.state.courier_code,
                update,
                wants_state=True,
                adapter=self._source.name,
            )
            for one, update in read
        ]
        try:
            results = await self._intake.submit(requests)
        except (Overloaded, IntakeUnavailable) as error:
            _LOG.warning("answer_rejected", carrier=self._source.name, reason=str(error))
            return [*failed, *(watch for watch, _ in read)]
        news = zip(read, results, strict=True)
        return [*failed, *(self._asked(watch, update, result) for (watch, update), result in news)]

    async def _corrected(self, watch: LeasedWatch, update: Update) -> LeasedWatch:
        found = courier_found(watch, update, self._source, self._detect)
        return watch if found is None else await correct(self._database, watch, found)

    def _asked(self, watch: LeasedWatch, update: Update, result: Result) -> PollResult:
        after = result.state
        if after is None:  # deleted meanwhile
            return PollResult(watch, 0, None, status_changed=False, rank=THE_REST, outcome="deleted")
        changed = after.status is not watch.state.status
        unchanged = 0 if result.event is not None else watch.unchanged + 1
        unknowns = watch.unknowns + 1 if update.unknown_number else 0
        said = "new" if result.event is not None else "unknown_number" if update.unknown_number else "unchanged"
        return PollResult(
            watch,
            unchanged,
            self._schedule.wait(watch, after, unchanged, self._now()),
            changed,
            rank=rank(after.status, after.substatus),
            outcome=said,
            unknowns=unknowns,
            elsewhere=unknowns == ASKED_ELSEWHERE_AFTER,
        )

    def _stumble(self, error: Exception) -> None:
        """Wait before polling at all, longer after each handful in a row with a call that failed.

        The calls of a handful run at once, so they count as one failure: an outage of a second must not cost minutes.
        """
        if not self._has_failed:
            self._failures += 1
            self._has_failed = True
        state = ConnectionState.UNREADABLE if isinstance(error, CarrierUnreadable) else None
        self._pause(min(LONGEST_PAUSE_SECONDS, 2.0 ** min(self._failures - 1, 16)), error, state)

    def _failed(self, watch: LeasedWatch, error: Exception) -> PollResult:
        """Poll this parcel again later."""
        unchanged = watch.unchanged + 1
        soon = FIRST_RETRY_SECONDS * 2.0 ** min(watch.unchanged, 16) / self._speed
        by_schedule = self._schedule.wait(watch, watch.state, unchanged, self._now())
        wait = soon if by_schedule is None else min(soon, by_schedule)
        said = str(error) if isinstance(error, CarrierError) else "failed"
        return PollResult(
            watch,
            unchanged,
            wait,
            status_changed=False,
            rank=rank(watch.state.status, watch.state.substatus),
            outcome=said[:200],
        )

    def _absent(self, watch: LeasedWatch, error: ParcelNotThere) -> PollResult:
        """Poll elsewhere a parcel that its service does not follow, as after "unknown number"."""
        unchanged, unknowns = watch.unchanged + 1, watch.unknowns + 1
        return PollResult(
            watch,
            unchanged,
            self._schedule.wait(watch, watch.state, unchanged, self._now()),
            status_changed=False,
            rank=rank(watch.state.status, watch.state.substatus),
            outcome=str(error)[:200],
            unknowns=unknowns,
            elsewhere=unknowns == ASKED_ELSEWHERE_AFTER,
        )

    def _pause(self, seconds: float, error: Exception, state: ConnectionState | None) -> None:
        level = _LOG.error if isinstance(error, CarrierRefused) else _LOG.warning
        level("carrier_paused", carrier=self._source.name, seconds=round(seconds), reason=str(error))
        self._spending = budget.pause(self._spending, self._now(), seconds)
        if state is not None:
            self._noted = PollSummary(b"", answered=False, state=state, message=str(error), sample=_sample(error))
        elif self._noted.state is None:
            why = str(error) if isinstance(error, CarrierError) else "an internal error, see the log"
            self._noted = PollSummary(b"", answered=False, message=f"The last poll failed: {why}")


def choose(due: Iterable[DueWatch], size: int, calls: int = CALLS_AT_ONCE) -> list[DueWatch]:
    """Return a handful: each lane's share of the calls, each of ``size`` parcels, then the rest in order."""
    lanes: tuple[list[DueWatch], ...] = ([], [], [])
    for one in due:
        lanes[one.rank].append(one)
    most = calls * size
    shares = [max(1, share * calls // CALLS_AT_ONCE) for share in SHARES]
    first = [one for lane, share in zip(lanes, shares, strict=True) for one in lane[: share * size]]
    rest = [one for lane, share in zip(lanes, shares, strict=True) for one in lane[share * size :]]
    return sorted([*first, *rest[: most - len(first)]], key=lambda one: one.rank)


def _is_urgent(due: DueWatch) -> bool:
    return due.rank == AT_THE_DOOR or due.overdue


def _size(source: CarrierSource) -> int:
    return source.most_at_once if isinstance(source, BatchSource) else 1


def _calls(source: CarrierSource) -> int:
    return source.calls_at_once if isinstance(source, LimitedSource) else CALLS_AT_ONCE


def _sample(error: Exception) -> str | None:
    """Return the beginning of an unreadable answer as its shape, without its texts, since they may name somebody."""
    return error.sample if isinstance(error, CarrierUnreadable) else None


def _decode(kept: bytes | None) -> Spending | None:
    try:
        return None if kept is None else msgspec.msgpack.decode(kept, type=Spending)
    except msgspec.MsgspecError:  # of another version
        return None


def _facts_of_shop(state: TrackingState) -> dict[str, str]:
    return {name: fact.text for name, fact in state.facts.items() if name in SHOP_FACTS}
