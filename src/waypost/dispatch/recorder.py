"""Commits the results of attempts by the hundred: while one commit runs, the next batch gathers."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.dispatch.run import MOST_CRASHES
from waypost.dispatch.stages import DeliveryStage, StageCounts, Times
from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Reason, Settled
from waypost.domain.endpoints import DisabledReason
from waypost.domain.retry import may_give_way
from waypost.store import queue, settling
from waypost.store.database import Database
from waypost.store.queue import Noted
from waypost.store.rows import Claimed, Finished
from waypost.store.trouble import LOST, REPEATABLE

_LOG: Final = structlog.get_logger()
AT_ONCE: Final = 300
GATHER_SECONDS: Final = ((16, 0.02), (2, 0.005))
"""After a batch of this size the next one gathers for this long: under load there are fewer and larger commits.

Not longer, because what is sent but not recorded when a process is killed is sent again. A parcel's queue at an
endpoint has one result at a time, and never waits for this.
"""
PAUSE_SECONDS: Final = 0.5
SOON_SECONDS: Final = 1.0
"""A retry that is due before the next scout is hinted at its time."""
LATE_SECONDS: Final = 0.002
NOTED_AGAIN_SECONDS: Final = (60.0, 3600.0)
"""How long the health of a failing endpoint, and of one that accepts webhooks, is taken as known to the database."""
MOVED_SECONDS: Final = 0.5
"""The next probe of a paused endpoint is written again if it moved by more than this."""


class _Noted(msgspec.Struct, frozen=True):
    """An endpoint's health as it was written. Times are seconds of the recorder's clock."""

    error: str | None
    at: float
    probe_at: float

    @property
    def is_paused(self) -> bool:
        return self.error is not None and self.probe_at > self.at

    @property
    def row(self) -> Noted:
        return Noted(self.error, self.probe_at - self.at if self.is_paused else None)


class Recorder:
    """Records finished attempts in the order they ended. ``freed`` gets the endpoints that have something due.

    ``pause`` returns the seconds until an endpoint's breaker lets a probe through, 0 if it is not open. ``gone`` gets
    the endpoints that answered 410 and are disabled now: what waits for them is to be cancelled.
    """

    def __init__(
        self,
        database: Database,
        freed: Callable[[Iterable[UUID]], None],
        *,
        pause: Callable[[UUID], float],
        gone: Callable[[UUID], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._freed = freed
        self._pause = pause
        self._gone = gone
        self._now = now
        self._finished: list[Finished] = []
        self._times: list[Times | None] = []
        self.stages = StageCounts()
        self._arrived, self._full = asyncio.Event(), asyncio.Event()
        self._draining = False
        self.dispatcher = 0
        """The dispatcher whose hours are counted."""
        self._noted: dict[UUID, _Noted] = {}
        self._took: dict[UUID, float] = {}

    @property
    def unrecorded(self) -> int:
        """How many results are not committed yet."""
        return len(self._finished)

    @property
    def kept(self) -> set[UUID]:
        """The deliveries whose results are not committed yet."""
        return {one.claimed.id for one in self._finished}

    def add(self, finished: Finished, times: Times | None = None) -> None:
        """Accept a result; it is committed soon, and kept until it is. ``times`` are counted then."""
        if finished.claimed.sample:
            pass  # a test says nothing about the endpoint's health
        elif finished.state is Settled.DELIVERED:
            self._took[finished.claimed.endpoint] = self._now()
        elif finished.attempt is not None and finished.state is None:
            finished = self._perhaps_giving_way(finished)
        self._finished.append(finished)
        self._times.append(times)
        self._arrived.set()
        if len(self._finished) >= AT_ONCE:
            self._full.set()

    def _perhaps_giving_way(self, failed: Finished) -> Finished:
        took = self._took.get(failed.claimed.endpoint)
        gives_way = may_give_way(
            failed.claimed.tries + 1,
            wait_seconds=failed.wait_seconds,
            since_success_seconds=None if took is None else self._now() - took,
        )
        return msgspec.structs.replace(failed, may_give_way=True) if gives_way else failed

    async def serve(self) -> None:
        """Record until ``drain`` is called and nothing is left."""
        self._draining = False
        if (
            self._finished
        ):  # what a lost session left: all parcels may wait for it, so that no result would come to wake us
            self._arrived.set()
        recorded = 0
        while not (self._draining and not self._finished):
            await self._arrived.wait()
            if not self._draining:
                await self._gather(recorded)
            # Cleared before the batch is taken: a result that arrives during the commit must wake this loop again.
            self._arrived.clear()
            self._full.clear()
            batch = self._finished[:AT_ONCE]
            if batch:
                # Removed only after the commit: if PostgreSQL fails during it, this loop is restarted and must find
                # them. A result that was committed all the same changes nothing: `hold` knows it.
                await self._record(batch)
                del self._finished[: len(batch)]
                self._count(batch)
            if self._finished:
                self._arrived.set()
            recorded = len(batch)

    def _count(self, recorded: list[Finished]) -> None:
        """Count where the deliveries of a batch that is committed now have spent their time."""
        is_logged = _LOG.is_enabled_for(logging.DEBUG)
        for finished, times in zip(recorded, self._times, strict=False):
            if times is not None:
                times.stage_ended()  # `record`
                self.stages.add(times)
                if is_logged:
                    _log_stages(finished.claimed, times)
        del self._times[: len(recorded)]

    def drain(self) -> None:
        """Let ``serve`` end as soon as everything is committed."""
        self._draining = True
        self._arrived.set()
        self._full.set()

    async def _gather(self, recorded: int) -> None:
        seconds = next((seconds for least, seconds in GATHER_SECONDS if recorded >= least), None)
        if seconds is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._full.wait()

    async def _record(self, batch: list[Finished]) -> None:
        """Commit a batch; one that can't be committed as a whole is committed one by one."""
        try:
            await self._commit(batch)
        except Exception:  # noqa: BLE001 - one result that can't be written must not stop the others
            _LOG.exception("batch_commit_failed", deliveries=len(batch))
            for one in batch:
                await self._record_alone(one)

    async def _record_alone(self, finished: Finished) -> None:
        """Commit one result, with less and less of its attempt until the rest can be written."""
        delivery = ids.to_text(ids.DELIVERY, finished.claimed.id)
        for kept in (finished, *_reduced(finished)):
            try:
                await self._commit([kept])
            except Exception as error:  # noqa: BLE001 - whatever it is, what was sent must not be sent again for it
                _LOG.warning("result_not_recorded", delivery=delivery, error=repr(error))
            else:
                if kept is not finished:
                    _LOG.error("result_recorded_in_part", delivery=delivery, attempt=kept.attempt is not None)
                return
        _LOG.error("result_lost", delivery=delivery)  # its lease brings the delivery back

    async def _commit(self, batch: list[Finished]) -> None:
        """Settle and note the health, repeatedly while PostgreSQL is unavailable: results are never forgotten."""
        while True:
            try:
                freed, late = await self._settle(batch)
                break
            except REPEATABLE as error:
                _LOG.warning("settle_retried", error=repr(error))
            except LOST:  # which was logged where it was found
                await asyncio.sleep(PAUSE_SECONDS)
        if late:
            _LOG.warning("late_result_ignored", deliveries=late)
        self._freed(freed)
        for one in batch:
            if one.state is None and 0 < one.wait_seconds < SOON_SECONDS:
                asyncio.get_running_loop().call_later(
                    one.wait_seconds + LATE_SECONDS, self._freed, (one.claimed.endpoint,)
                )
        with suppress(*LOST, *REPEATABLE):  # it is noted again with the next change
            await self._note_health(batch)

    async def _settle(self, batch: list[Finished]) -> tuple[set[UUID], int]:
        gone = {
            one.claimed.endpoint
            for one in batch
            if one.attempt and one.attempt.outcome == Outcome.HTTP_410 and not one.claimed.sample
        }
        async with self._database.engine.acquire() as session:
            # Transactions of their own, in this order: settled first, the endpoint could stay enabled although it
            # answered 410. Its lane is cancelled afterwards, or after a crash by the keeper. A single transaction would
            # hold the endpoint's row while it waits for the rows of a whole lane of parcels.
            for endpoint in gone:
                await queue.disable(session, endpoint, DisabledReason.GONE)
                _LOG.info(
                    "endpoint_disabled",
                    endpoint=ids.to_text(ids.ENDPOINT, endpoint),
                    reason=DisabledReason.GONE.value,
                )
            result = await settling.settle(session, batch, dispatcher=self.dispatcher)
        for endpoint in gone:
            self._gone(endpoint)
        return result

    async def _note_health(self, batch: list[Finished]) -> None:
        """Write an endpoint's health if it changed: it is failing if all of a batch's attempts at it failed."""
        seen: dict[UUID, str | None] = {}
        for one in batch:
            if one.attempt is not None and not one.claimed.sample:
                error = None if one.attempt.outcome == Outcome.SUCCEEDED else one.attempt.outcome
                if error is None or seen.get(one.claimed.endpoint, error) is not None:
                    seen[one.claimed.endpoint] = error
        now = self._now()
        states = {endpoint: _Noted(error, now, now + self._pause(endpoint)) for endpoint, error in seen.items()}
        changed = {endpoint: one for endpoint, one in states.items() if self._is_news(endpoint, one)}
        if changed:
            async with self._database.engine.acquire() as session:
                await queue.note_health(session, {endpoint: one.row for endpoint, one in changed.items()})
            self._noted |= changed

    def _is_news(self, endpoint: UUID, state: _Noted) -> bool:
        """Return whether an endpoint's health is written: if it changed, or if somebody else may have written another.

        Its lane may have been another dispatcher's meanwhile, and the keeper enables what has recovered.
        """
        noted = self._noted.get(endpoint)
        if noted is None or noted.error != state.error:
            return True
        moved = state.is_paused and abs(state.probe_at - noted.probe_at) >= MOVED_SECONDS
        return moved or state.at - noted.at >= NOTED_AGAIN_SECONDS[state.error is None]


def _log_stages(claimed: Claimed, times: Times) -> None:
    delivery, endpoint = ids.to_text(ids.DELIVERY, claimed.id), ids.to_text(ids.ENDPOINT, claimed.endpoint)
    milliseconds = {stage.value: round(one * 1000, 1) for stage, one in zip(DeliveryStage, times.seconds, strict=True)}
    _LOG.debug("delivery_recorded", delivery=delivery, endpoint=endpoint, milliseconds=milliseconds)


def _reduced(finished: Finished) -> Iterator[Finished]:
    """Yield a result without what the endpoint answered, then without its attempt: how the delivery goes on is kept.

    A retry whose attempt is not counted would go on for ever, so it counts as a crash of ours.
    """
    if finished.attempt is None:
        return
    bare = msgspec.structs.replace(
        finished.attempt, response_headers=None, response_body=None, response_truncated=None, reason=None
    )
    yield msgspec.structs.replace(finished, attempt=bare)
    without = msgspec.structs.replace(finished, attempt=None)
    if finished.state is not None:
        yield without
    elif finished.claimed.crashes + 1 >= MOST_CRASHES:
        yield msgspec.structs.replace(without, state=Settled.FAILED, reason=Reason.CRASHES)
    else:
        yield msgspec.structs.replace(without, crashed=True)
