"""Asks carriers about the parcels that are due, within each credential's budget, the most urgent first."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from waypost.domain import budget
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused, CarrierSource
from waypost.domain.facts import SHOP_FACTS
from waypost.domain.polling import Watched, next_poll
from waypost.domain.trackings import TrackingState, Update
from waypost.intake.batch import Request
from waypost.intake.collector import Intake, IntakeUnavailable, Overloaded
from waypost.store import watches
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.watches import Asked, LeasedWatch

_LOG: Final = structlog.get_logger()
ASKS_AT_ONCE: Final = 16
"""Requests in flight to one carrier."""
RANKED: Final = 500
"""So many of each courier's due parcels are ranked; beyond that the longest waiting go first."""
LEASE_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 1.0
PAUSE_LIMITED_SECONDS: Final = 60.0
"""For a 429 that does not say how long."""
PAUSE_REFUSED_SECONDS: Final = 3600.0
"""A key that is not accepted is not accepted a moment later either; asking on could get it blocked."""
LONGEST_PAUSE_SECONDS: Final = 900.0
FIRST_RETRY_SECONDS: Final = 300.0
"""A parcel whose ask failed is asked again so soon, then half as often each time, never later than by its schedule."""


def clock_ms() -> int:
    """Give the time in Unix milliseconds."""
    return time.time_ns() // 1_000_000


class Poller:
    """The poll loop of one process. Several may run: a parcel is leased before it is asked for.

    ``speed`` is the factor by which waits between asks are shortened; budgets stay as they are.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        sources: Sequence[CarrierSource],
        *,
        speed: float = 1.0,
        now: Callable[[], int] = clock_ms,
    ) -> None:
        self._credentials = [_Credential(database, intake, source, speed, now) for source in sources]

    async def serve(self, stop: asyncio.Event) -> None:
        """Ask until ``stop`` is set, and let the asks under way end; raises when PostgreSQL goes away."""
        if not self._credentials:
            await stop.wait()
            return
        loops = [asyncio.create_task(credential.serve(stop)) for credential in self._credentials]
        try:
            await asyncio.gather(*loops)
        finally:
            await end(*loops)

    async def run_once(self) -> int:
        """Ask about what is due and may be asked for now; give how many asks that were."""
        return sum([await credential.run_once() for credential in self._credentials])


class _Credential:
    """One source with what it has spent."""

    def __init__(
        self, database: Database, intake: Intake, source: CarrierSource, speed: float, now: Callable[[], int]
    ) -> None:
        self._database = database
        self._intake = intake
        self._source = source
        self._speed = speed
        self._now = now
        self._spending = budget.begin(source.budget, now())
        self._failures = 0

    async def serve(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not await self.run_once():
                await _wait(stop, LOOK_SECONDS)

    async def run_once(self) -> int:
        """Ask about one handful, several at once; what the budget does not grant soon is given back."""
        async with self._database.engine.acquire() as session:
            due = await watches.due(session, sorted(self._source.courier_codes), each=RANKED)
            due.sort(key=lambda one: budget.urgency(one.status, one.substatus))
            chosen = [one.tracking for one in due[:ASKS_AT_ONCE]]
            if not chosen or not self._may_begin(due[0]):
                return 0
            leased = await watches.lease(session, chosen, seconds=LEASE_SECONDS)
        outcomes = await asyncio.gather(*[self._in_turn(watch) for watch in leased])
        asked = [outcome for outcome in outcomes if isinstance(outcome, Asked)]
        released = [outcome for outcome in outcomes if isinstance(outcome, LeasedWatch)]
        async with self._database.engine.acquire() as session:
            if asked:
                await watches.reschedule(session, asked)
            if released:
                await watches.release(session, released)
        return len(asked)

    def _may_begin(self, first: watches.DueWatch) -> bool:
        """Tell whether leasing is worth while: the most urgent one may be asked for within a moment."""
        urgent = budget.is_urgent(first.status, first.substatus)
        return budget.take(self._spending, self._now(), urgent=urgent).wait_seconds <= LOOK_SECONDS

    async def _in_turn(self, watch: LeasedWatch) -> Asked | LeasedWatch:
        """Ask when the budget grants it; a parcel that is not asked for is given back as it was."""
        urgent = budget.is_urgent(watch.state.status, watch.state.substatus)
        while True:
            taken = budget.take(self._spending, self._now(), urgent=urgent)
            if taken.granted:
                break
            if taken.wait_seconds > LOOK_SECONDS:
                return watch
            await asyncio.sleep(taken.wait_seconds)
        self._spending = taken.spending
        return await self._ask(watch)

    async def _ask(self, watch: LeasedWatch) -> Asked | LeasedWatch:
        try:
            update = await self._source.ask(watch.state.tracking_number, _facts_of_shop(watch.state))
        except CarrierLimited as error:
            self._pause(error.retry_after_seconds or PAUSE_LIMITED_SECONDS, error)
            return watch
        except CarrierRefused as error:
            self._pause(PAUSE_REFUSED_SECONDS, error)
            return watch
        except CarrierError as error:
            return self._failed(watch, error)
        except Exception as error:  # noqa: BLE001 - one carrier's odd answer must not end the loop
            _LOG.exception("ask_crashed", carrier=self._source.name, tracking=watch.tracking.hex)
            return self._failed(watch, error)
        self._failures = 0
        return await self._submit(watch, update)

    async def _submit(self, watch: LeasedWatch, update: Update) -> Asked | LeasedWatch:
        state = watch.state
        request = Request(watch.account, state.tracking_number, state.courier_code, update, wants_state=True)
        try:
            (result,) = await self._intake.submit([request])
        except (Overloaded, IntakeUnavailable) as error:
            _LOG.warning("answer_not_taken", carrier=self._source.name, reason=str(error))
            return watch
        after = result.state
        if after is None:  # deleted meanwhile
            return Asked(watch, 0, None, status_changed=False)
        changed = after.status is not state.status
        unchanged = 0 if result.event is not None else watch.unchanged + 1
        return Asked(watch, unchanged, self._wait(watch, after, unchanged), changed)

    def _wait(self, watch: LeasedWatch, state: TrackingState, unchanged: int) -> float | None:
        """Give the seconds until the next ask, by the schedule of the status that the parcel has now."""
        now = self._now()
        same = state.status is watch.state.status
        watched = Watched(
            status=state.status,
            substatus=state.substatus,
            unchanged_polls=unchanged,
            status_since=round(watch.status_since.timestamp() * 1000) if same else now,
            offset_minutes=state.checkpoints[-1].offset_minutes if state.checkpoints else None,
            seed=watch.tracking.bytes,
        )
        wait = next_poll(watched, now, least_seconds=self._source.budget.least_seconds_between_asks)
        return None if wait is None else wait / self._speed

    def _failed(self, watch: LeasedWatch, error: Exception) -> Asked:
        """Ask this parcel again later, and with each failure in a row wait longer before asking at all."""
        self._failures += 1
        self._pause(min(LONGEST_PAUSE_SECONDS, 2.0 ** min(self._failures - 1, 16)), error)
        unchanged = watch.unchanged + 1
        soon = FIRST_RETRY_SECONDS * 2.0 ** min(watch.unchanged, 16) / self._speed
        by_schedule = self._wait(watch, watch.state, unchanged)
        return Asked(watch, unchanged, soon if by_schedule is None else min(soon, by_schedule), status_changed=False)

    def _pause(self, seconds: float, error: Exception) -> None:
        level = _LOG.error if isinstance(error, CarrierRefused) else _LOG.warning
        level("carrier_paused", carrier=self._source.name, seconds=round(seconds), reason=str(error))
        self._spending = budget.pause(self._spending, self._now(), seconds)


def _facts_of_shop(state: TrackingState) -> dict[str, str]:
    return {name: fact.text for name, fact in state.facts.items() if name in SHOP_FACTS}


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
