"""Attempts as tasks: makes them, counts them, and hands what came of them to the recorder."""

import asyncio
from collections.abc import Coroutine
from typing import Final

import msgspec
import structlog

from waypost.dispatch.measures import AttemptCounts
from waypost.dispatch.recorder import Recorder
from waypost.dispatch.run import Sender, clock
from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.store.rows import AttemptRow, Claimed, Finished, LaneEndpoint

_LOG: Final = structlog.get_logger()
LEASE_SLACK_SECONDS: Final = 30.0
"""A lease lasts so much longer than an attempt may: for the wait between claim and attempt, and for the commit."""


class Leased(msgspec.Struct, frozen=True):
    """A claimed delivery that waits for its attempt.

    ``begin_before`` is the last moment at which its lease covers one, in seconds of the dispatcher's clock.
    """

    claimed: Claimed
    begin_before: float


def begin_before() -> float:
    """Return the moment up to which an attempt of what is claimed now may begin, so that its lease covers it.

    To be asked before the claim is sent: the lease counts from when PostgreSQL read it.
    """
    return clock() + LEASE_SLACK_SECONDS - 1


class Attempts:
    """What lanes and manual sends share: one way to make an attempt, and one place that knows all that are under way.

    The tasks outlive a session that is lost: what is in flight ends by itself, and is recorded when PostgreSQL is back.
    """

    def __init__(self, sender: Sender, recorder: Recorder) -> None:
        self._sender = sender
        self._recorder = recorder
        self._tasks: set[asyncio.Task[None]] = set()
        self.counts = AttemptCounts()

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Run something that makes attempts beside everything else; a reference is kept until it has ended."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def make(self, leased: Leased, endpoint: LaneEndpoint) -> Finished:
        """Return what came of an attempt; of one that was cancelled while a dead dispatcher had it, none is made.

        Never raises for what a receiver does: an exception means that we failed, and then no attempt is counted.
        """
        claimed = leased.claimed
        if claimed.cancelled:
            return Finished(claimed, None, None)  # the settling knows why, and ends it
        try:
            return await self._sender.run(claimed, endpoint, leased.begin_before)
        except Exception:  # noqa: BLE001 - we failed, not the endpoint: no attempt is counted
            _LOG.exception("delivery_crashed", delivery=ids.to_text(ids.DELIVERY, claimed.id))
            return self._sender.crashed(claimed)

    def record(self, finished: Finished) -> None:
        """Count an attempt, unless it was a test, and have it committed."""
        if finished.claimed.sample is None:
            self.counts.add(finished)
        if finished.attempt is not None and finished.attempt.outcome != Outcome.SUCCEEDED:
            _log_failure(finished, finished.attempt)
        self._recorder.add(finished)

    def give_back(self, leased: Leased) -> None:
        """Let somebody else claim what has not begun."""
        self._recorder.add(Finished(leased.claimed, None, None))

    async def ended(self, seconds: float) -> None:
        """Wait for what is in flight, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)


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
