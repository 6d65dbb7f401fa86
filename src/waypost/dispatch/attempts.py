"""Runs attempts as tasks, counts them, and passes the results to the recorder."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.dispatch.measures import AttemptCounts
from waypost.dispatch.recorder import Recorder
from waypost.dispatch.run import Sender, clock
from waypost.dispatch.stages import Times
from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint
from waypost.store.settling import Lease

_LOG: Final = structlog.get_logger()
LEASE_SLACK_SECONDS: Final = 30.0
"""A lease outlasts an attempt by this much: for the wait between claim and attempt, and for the commit."""


class LeasedDelivery(msgspec.Struct, frozen=True):
    """A claimed delivery that waits for its attempt.

    ``latest_begin`` is the latest time at which its lease covers one, in seconds of the dispatcher's clock.
    """

    claimed: Claimed
    latest_begin: float
    times: Times


def latest_begin() -> float:
    """Return the latest time at which an attempt of a delivery claimed now may begin, so that its lease covers it.

    Call it before the claim is sent: the lease counts from the time at which PostgreSQL reads it.
    """
    return clock() + LEASE_SLACK_SECONDS - 1


class Attempts:
    """What lanes and manual sends share: one way to make an attempt, and one place that knows all that are in flight.

    The tasks outlive a lost session: attempts in flight finish, and are recorded when PostgreSQL is back.
    """

    def __init__(self, sender: Sender, recorder: Recorder) -> None:
        self._sender = sender
        self._recorder = recorder
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: set[Lease] = set()
        self.counts = AttemptCounts()

    @property
    def in_hand(self) -> set[UUID]:
        """The deliveries that were taken up and whose results are not committed yet."""
        return {delivery for delivery, _ in self._begun} | self._recorder.kept

    def begin(self, leased: LeasedDelivery) -> None:
        """Note that a delivery is taken up: from now on ``record`` gets its result, whatever happens."""
        self._begun.add(_lease(leased.claimed))

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run a task that makes attempts; a reference is kept until it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def make(self, leased: LeasedDelivery, endpoint: LaneEndpoint) -> Finished:
        """Return the result of an attempt; none is made for a delivery cancelled while a dead dispatcher had it.

        Never raises for what a receiver does: an exception means that we failed, and then no attempt is counted.
        """
        claimed = leased.claimed
        if claimed.cancelled:
            return Finished(claimed, None, None)  # settling knows the reason and ends it
        try:
            return await self._sender.run(claimed, endpoint, leased.latest_begin, leased.times)
        except Exception:  # noqa: BLE001 - we failed, not the endpoint: no attempt is counted
            _LOG.exception("delivery_crashed", delivery=ids.to_text(ids.DELIVERY, claimed.id))
            return self._sender.crashed(claimed)

    def record(self, leased: LeasedDelivery, finished: Finished) -> None:
        """Count an attempt, unless it was a test, and have it committed."""
        self._begun.discard(_lease(finished.claimed))
        is_counted = finished.claimed.sample is None
        if is_counted:
            self.counts.add(finished)
        if finished.attempt is not None and finished.attempt.outcome != Outcome.SUCCEEDED:
            _log_failure(finished, finished.attempt)
        self._recorder.add(finished, leased.times if is_counted and finished.attempt is not None else None)

    def give_back(self, unbegun: Iterable[LeasedDelivery]) -> None:
        """Give back what has not begun, so that others can claim it."""
        for leased in unbegun:
            self._recorder.add(Finished(leased.claimed, None, None))

    async def ended(self, seconds: float) -> None:
        """Wait at most this long for attempts in flight."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


def _lease(claimed: Claimed) -> Lease:
    return claimed.id, claimed.lease_no


def _log_failure(finished: Finished, attempt: AttemptRow) -> None:
    """Log an attempt that failed: ids only, for a URL may hold a token, and what was answered is the receiver's."""
    claimed = finished.claimed
    _LOG.info(
        "attempt_failed",
        delivery=ids.to_text(ids.DELIVERY, claimed.id),
        endpoint=ids.to_text(ids.ENDPOINT, claimed.endpoint),
        attempt=claimed.tries + 1,
        outcome=attempt.outcome,
        reason=attempt.reason,
        status_code=attempt.status_code,
        milliseconds=attempt.duration_ms,
        retry_seconds=None if finished.state is not None else round(finished.wait_seconds),
        test=claimed.sample is not None,
    )
