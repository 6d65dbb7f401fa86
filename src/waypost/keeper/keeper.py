"""The keeper: a handful of duties, each with its own interval; a failed duty is logged and retried."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, ParamSpec
from uuid import UUID

import structlog

from waypost.domain.errors import OperatorError
from waypost.domain.inbound import KEPT_DAYS
from waypost.domain.quotas import Quota
from waypost.domain.times import from_ms
from waypost.domain.trackings import (
    DAY_MS,
    EXPIRES_AFTER_MS,
    Source,
    TrackingState,
    Update,
    has_ended,
    is_due_to_expire,
)
from waypost.intake import bulk, recovery
from waypost.intake.collector import Intake
from waypost.intake.requests import Request
from waypost.keeper.endpoint_health import EndpointHealth
from waypost.keeper.reconciler import Reconciler
from waypost.keeper.troubles import Signs, Troubles
from waypost.rest import stir, until_next_look
from waypost.store import (
    alert_changes,
    audit_entries,
    bulk_action_changes,
    bulk_actions,
    duties,
    erasing,
    idempotency,
    inbound_changes,
    incident_changes,
    letter_changes,
    mail_link_changes,
    partitions,
    queue,
    quota_changes,
    recoveries,
    retention,
    sessions,
    uploaded_file_changes,
)
from waypost.store.backups.scheduled import ScheduledBackups
from waypost.store.clock import DatabaseClock
from waypost.store.customer_name_changes import name_older_trackings
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.statements import Session
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
P = ParamSpec("P")
JITTER: Final = 0.1
NO_QUOTA: Final = Quota()
RECOVERED_A_TIME: Final = 200
"""The maximum deliveries of a recovery queued per second, however quickly its endpoint accepts them."""

ADVANCES_EVERY_SECONDS: Final = 1.0
"""How often recoveries and bulk actions advance, each by a little."""

RARELY_SECONDS: Final = 10.0
"""The same at rest: only what another process began may wait as long."""

EVER: Final = timedelta(days=36_500)
"""What was done within this time is not done again."""

STEPS_A_TIME: Final = 20
"""The maximum steps of one bulk action per second: an account's action does not hold up another's."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to be done at an interval, or ``once``; ``number`` identifies its lock."""

    number: int
    name: str
    every_seconds: float
    work: Callable[[Session], Awaitable[int]]
    once: bool = False


class Keeper:
    """Keeps one installation in order. ``history_days`` is how long events and deliveries are kept.

    ``quota`` applies to accounts without a quota of their own. Without ``backups`` none are made. ``signs`` are
    what only this process sees.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        *,
        history_days: int,
        customer_days: int = 30,
        audit_days: int = 730,
        quota: Quota = NO_QUOTA,
        backups: ScheduledBackups | None = None,
        signs: Signs | None = None,
        clock: DatabaseClock | None = None,
    ) -> None:
        self._database = database
        self._intake = intake
        self._history = timedelta(days=history_days)
        self._customer_ms, self._audit = customer_days * DAY_MS, timedelta(days=audit_days)
        self._clock, self._quota = clock or DatabaseClock(), quota
        self.backups = backups
        self.reconciler = Reconciler(history=self._history)
        self.duties = (
            Duty(1, "partitions", 3600, partitions.create_ahead),
            Duty(2, "retention", 3600, self.retain),
            Duty(3, "expiry", 30, self.expire),
            Duty(4, "sweep", 10, self.sweep),
            Duty(5, "idempotency_keys", 600, self.forget_keys),
            Duty(6, "sessions", 600, self.forget_sessions),
            Duty(7, "reconciliation", 60, self.reconciler.look),
            Duty(8, "recoveries", ADVANCES_EVERY_SECONDS, self.recover),
            Duty(15, "bulk_actions", ADVANCES_EVERY_SECONDS, self.advance_bulk_actions),
            Duty(9, "usage", 60, self.measure),
            Duty(10, "backup", 600, self.back_up),
            Duty(11, "endpoint_health", 10, EndpointHealth(history=self._history).look),
            Duty(12, "old_incidents", 3600, self.forget_incidents),
            Duty(13, "incidents", 30, Troubles(signs or Signs(backups=backups), self.reconciler).look),
            Duty(21, "pushes", 600, self.forget_pushes),
            Duty(14, "audit_log", 3600, self.forget_entries),
            Duty(30, "customer_names", 3600, name_older_trackings, once=True),
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Do every duty at once, then at its interval until ``stop`` is set. Raise when PostgreSQL is unavailable."""
        loops = [asyncio.create_task(self._repeat(duty, stop)) for duty in self.duties]
        try:
            await asyncio.gather(*loops)
        finally:
            await end(*loops)

    async def run_once(self) -> dict[str, int]:
        """Do every duty once, and return how much each did."""
        return {duty.name: await self._do(duty, every=timedelta(0)) for duty in self.duties}

    async def retain(self, session: Session) -> int:
        """Drop the partitions that are older than the history; return how many.

        A delivery that is still waiting is settled a day before its event goes.
        """
        today = await partitions.today(session)
        await _all_of(retention.settle_older, session, today - self._history + timedelta(days=1))
        return len(await partitions.drop_before(session, today - self._history))

    async def expire(self, session: Session) -> int:
        """Expire parcels without news, and erase persons from those that ended long ago; return how many expired."""
        expired = 0
        while found := await retention.expiring(session):
            now = await self._clock.read(session)
            due = [one for one in found if is_due_to_expire(one.state, now)]
            await self._intake.submit([_expiry(one) for one in due])
            for one in found:
                if has_ended(one.state) and now - one.state.updated_at >= self._customer_ms:
                    await erasing.replace_states(session, one.account, one.tracking)
            await retention.look_again(session, [(one.tracking, self._next_look(one.state, now)) for one in found])
            expired += len(due)
        return expired

    async def sweep(self, session: Session) -> int:
        """Cancel what waits for disabled endpoints; return how many deliveries."""
        left_behind = await retention.lanes_left_behind(session)
        return sum([await _all_of(queue.cancel_lane, session, endpoint) for endpoint in left_behind])

    async def recover(self, session: Session) -> int:
        """Advance each running recovery a little, step by step in turns; return how many deliveries were queued.

        A recovery over millions of events takes many steps to count. One that begins meanwhile takes its turn, too.
        """
        begun: dict[UUID, int] = {}
        advancing: set[UUID] = set()
        while advancing or not begun:
            for one in await recoveries.running(session):
                if one not in begun:
                    begun[one] = 0
                    advancing.add(one)
            if not begun:
                break
            for one in sorted(advancing):
                if await recovery.count(session, one):
                    continue
                some, goes_on = await recovery.queue_some(session, one, RECOVERED_A_TIME - begun[one])
                begun[one] += some
                if not goes_on or begun[one] >= RECOVERED_A_TIME:
                    advancing.discard(one)
        return sum(begun.values())

    async def advance_bulk_actions(self, session: Session) -> int:
        """Advance what is counted, resent or cancelled by a filter, in turns; return how many deliveries changed.

        Each action changes no more than ``RECOVERED_A_TIME`` deliveries, and examines a bounded number.
        """
        changed = 0
        for one in await bulk_actions.open_actions(session):
            done = 0
            for _ in range(STEPS_A_TIME):
                if await bulk.count(session, one):
                    continue
                some, goes_on = await bulk.advance(session, one, RECOVERED_A_TIME - done)
                done += some
                if not goes_on or done >= RECOVERED_A_TIME:
                    break
            changed += done
        return changed

    async def measure(self, session: Session) -> int:
        """Measure what accounts with quotas use; return how many accounts."""
        return await quota_changes.measure_usage(session, everybody=self._quota.is_set)

    async def back_up(self, _session: Session) -> int:
        """Make the day's backup if it is due and backups are wanted; return how many were made."""
        if self.backups is None:
            return 0
        try:
            return await self.backups.make_due()
        except (OperatorError, OSError) as error:  # a full disk, a missing program: nothing that a traceback explains
            _LOG.error("backup_failed", reason=str(error))
            return 0

    async def forget_keys(self, session: Session) -> int:
        """Delete idempotency keys that are a day old; return how many."""
        return await _all_of(idempotency.forget, session)

    async def forget_incidents(self, session: Session) -> int:
        """Delete incidents, alerts, bulk actions and payloads of tests that ended before the history begins."""
        before = await self._ago(session, self._history)
        return (
            await _all_of(bulk_action_changes.delete_old, session, self._history)
            + await _all_of(queue.delete_old_test_payloads, session, before)
            + await _all_of(incident_changes.delete_old_incidents, session, self._history)
            + await _all_of(alert_changes.delete_old_alerts, session, self._history)
        )

    async def forget_entries(self, session: Session) -> int:
        """Delete entries of the audit log that are older than its retention; return how many."""
        return await audit_entries.delete_old_entries(session, await self._ago(session, self._audit))

    async def forget_sessions(self, session: Session) -> int:
        """Delete expired sessions and login links, old letters, and files that were not imported; return how many."""
        return (
            await _all_of(uploaded_file_changes.delete_old_uploaded_files, session)
            + await _all_of(mail_link_changes.delete_old_mail_links, session)
            + await _all_of(letter_changes.delete_old_letters, session, await self._ago(session, self._history))
            + await _all_of(sessions.forget, session)
        )

    async def forget_pushes(self, session: Session) -> int:
        """Delete pushes that could not be read within a week, and expired addresses; return how many pushes."""
        return await _all_of(
            inbound_changes.delete_unreadable, session, await self._ago(session, timedelta(days=KEPT_DAYS))
        )

    async def _ago(self, session: Session, age: timedelta) -> datetime:
        return from_ms(await self._clock.read(session)) - age

    def _next_look(self, state: TrackingState, now: int) -> int:
        """Return when a parcel may expire, or when persons are erased from one that has ended, whichever is next.

        That is after its last news or, if it is not due for either now, after the same time again.
        """
        at = max(state.restarted_at, state.news_at) + EXPIRES_AFTER_MS
        if has_ended(state):
            at = state.updated_at + self._customer_ms
        return at if at > now else now + EXPIRES_AFTER_MS

    async def _repeat(self, duty: Duty, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._do(duty, every=EVER if duty.once else timedelta(seconds=duty.every_seconds * (1 - JITTER)))
            pause = duty.every_seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load
            await until_next_look(stop, pause, rarely=RARELY_SECONDS)

    async def _do(self, duty: Duty, *, every: timedelta) -> int:
        try:
            async with (
                self._database.holding.acquire() as session,
                duties.duty(session, duty.number, every=every) as taken,
            ):
                done = await duty.work(session) if taken else 0
        except LOST:
            raise
        except Exception:  # noqa: BLE001 - one duty must not keep the others from being done
            _LOG.exception("duty_failed", duty=duty.name)
            return 0
        if done:
            if duty.every_seconds <= ADVANCES_EVERY_SECONDS:
                stir()  # it has more to do, and so have others
            _LOG.info("duty_completed", duty=duty.name, count=done)
        return done


async def _all_of(some: Callable[P, Awaitable[int]], *args: P.args, **kwargs: P.kwargs) -> int:
    """Repeat what does a bounded part at a time until nothing is left; return how much was done."""
    done = 0
    while more := await some(*args, **kwargs):
        done += more
    return done


def _expiry(one: retention.Expiring) -> Request:
    update = Update(Source.EXPIRY, expires=True)
    return Request(one.account, one.state.tracking_number, one.state.courier_code, update)
