"""Warns of failing endpoints, disables hopeless ones, and enables those that answer again.

Nothing of this costs the dispatchers a statement: everything is read from what they record anyway.
"""

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from msgspec import structs

from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.domain.audit import Action, Changes
from waypost.domain.deliveries import Settled
from waypost.domain.endpoint_health import (
    TRIES_BEFORE_WARNING,
    Condition,
    Facts,
    Judgement,
    is_probe_due,
    judge,
)
from waypost.domain.endpoints import DisabledReason
from waypost.domain.incidents import Incident, Kind, Trouble, changes
from waypost.domain.recoveries import WAITED_BEFORE, Only
from waypost.domain.statuses import SELECTABLE
from waypost.domain.times import from_ms, read_rfc3339, rfc3339
from waypost.keeper import endpoint_messages
from waypost.store import endpoint_health, endpoint_health_changes, incident_changes, incidents, queue, recovery_changes
from waypost.store.audit_entries import insert_entry
from waypost.store.endpoint_health import HealthRow
from waypost.store.intake_rows import now
from waypost.store.statements import Session, transaction

_LOG: Final = structlog.get_logger()
ACTOR: Final = "Waypost"
KINDS: Final = (Kind.ENDPOINT_FAILING, Kind.ENDPOINT_DISABLED)
_ANNOUNCED: Final = "announced_at"
_HOUR: Final = timedelta(hours=1)


class EndpointHealth:
    """A duty of the keeper. ``history`` is how long events are kept: a disabled endpoint is tried for as long."""

    def __init__(self, *, history: timedelta, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._history = history
        self._random = random_bits

    async def look(self, session: Session) -> int:
        """Judge every endpoint that fails or was disabled for it; return how many incidents changed."""
        at = from_ms(await now(session))
        tries = await endpoint_health.rejected(session, TRIES_BEFORE_WARNING)
        found = await incidents.open_ones(session, KINDS)
        subjects = {one for incident in found if (one := ids.from_text(ids.ENDPOINT, incident.subject))}
        known = {(one.kind, one.subject): one for one in found}
        rows = await endpoint_health.of_endpoints(
            session, {*tries, *subjects, *await endpoint_health.troubled(session)}
        )
        troubles = {}
        for row in rows:
            subject = ids.to_text(ids.ENDPOINT, row.id)
            failing = known.get((Kind.ENDPOINT_FAILING, subject))
            trouble = await self._trouble(session, row, tries.get(row.id, 0), failing, at)
            if trouble is not None:
                troubles[subject] = trouble
        by_subject = {ids.to_text(ids.ENDPOINT, row.id): row for row in rows}

        def ending(incident: Incident) -> str:
            now_wrong = troubles.get(incident.subject)
            kind = None if now_wrong is None else now_wrong.kind
            return endpoint_messages.ending(by_subject[incident.subject], incident.kind, kind)

        return await incident_changes.write_changes(session, changes(found, troubles.values(), ending))

    async def _trouble(
        self, session: Session, row: HealthRow, tries: int, known: Incident | None, at: datetime
    ) -> Trouble | None:
        """Return what is wrong with an endpoint after it was disabled or enabled, if that was due."""
        if row.deleted or row.disabled_reason == DisabledReason.USER:
            return None
        if row.enabled:
            facts = _facts(row, tries, known, at)
            judged = judge(facts, at)
            if judged.condition is Condition.OK:
                return None
            if judged.condition is not Condition.HOPELESS:
                return _failing(structs.replace(row, failing_since=facts.failing_since), judged)
            await self._disable(session, row)
        elif row.disabled_reason == DisabledReason.FAILING and await self._has_recovered(session, row, at):
            return None
        (row,) = await endpoint_health.of_endpoints(session, [row.id])
        return None if row.enabled else endpoint_messages.disabled(row)

    async def _disable(self, session: Session, row: HealthRow) -> None:
        """Disable an endpoint. The duty ``sweep`` cancels its waiting deliveries."""
        async with transaction(session):
            await queue.disable(session, row.id, DisabledReason.FAILING)
            await _note(session, row, Action.ENDPOINT_DISABLED, {"reason": (None, DisabledReason.FAILING.value)})
        _LOG.info("endpoint_disabled", endpoint=ids.to_text(ids.ENDPOINT, row.id), reason=DisabledReason.FAILING.value)

    async def _has_recovered(self, session: Session, row: HealthRow, at: datetime) -> bool:
        """Return whether an endpoint that Waypost disabled was enabled, since it has answered a test; send the next."""
        off_since = row.off_since or at
        if row.probe is not None and row.probed_at is not None and row.probed_at >= off_since:
            result = await endpoint_health.result_of(session, row.id, row.probe)
            if result is not None and result.state == Settled.DELIVERED:
                return await self._enable(session, row, off_since, at)
            if result is not None and result.outcome == Outcome.HTTP_410:
                await endpoint_health_changes.mark_gone(session, row.id)
                return False
        if is_probe_due(off_since=off_since, probed_at=row.probed_at, kept_for=self._history, now=at):
            await self._probe(session, row)
        return False

    async def _probe(self, session: Session, row: HealthRow) -> None:
        """Send the sample of a status that the endpoint gets anyway: the first of them."""
        sample = SELECTABLE[0].value if row.statuses is None else row.statuses[0]
        random = self._random(62), self._random(62)
        async with transaction(session):
            delivery = await queue.add_test(session, row.account, row.id, sample=sample, random=random)
            if delivery is not None:
                await endpoint_health_changes.update_probe(session, row.id, delivery)

    async def _enable(self, session: Session, row: HealthRow, off_since: datetime, at: datetime) -> bool:
        """Enable an endpoint, and recover what it missed if its owner chose so."""
        async with transaction(session):
            if not await endpoint_health_changes.update_recovered(session, row.id):
                return False
            await _note(session, row, Action.ENDPOINT_ENABLED, {"reason": (DisabledReason.FAILING.value, None)})
            if row.recover_automatically:
                recovery = ids.make_id(round(at.timestamp() * 1000), 0, self._random(62))
                await recovery_changes.insert_recovery(
                    session,
                    recovery=recovery,
                    account=row.account,
                    endpoint=row.id,
                    only=Only.MISSED,
                    since=min(off_since, row.failing_since or off_since) - WAITED_BEFORE,
                    until=at,
                    dry_run=False,
                )
                asked: Changes = {"endpoint": (None, row.url), "only": (None, Only.MISSED.value)}
                await _note(session, row, Action.RECOVERY_BEGUN, asked, ids.to_text(ids.RECOVERY, recovery))
        _LOG.info("endpoint_enabled", endpoint=ids.to_text(ids.ENDPOINT, row.id), reason=None)
        return True


def _facts(row: HealthRow, tries: int, known: Incident | None, at: datetime) -> Facts:
    since = row.failing_since
    certain = None if row.accepted_in is None else row.accepted_in + _HOUR
    if since is not None and row.accepted_in is not None and row.accepted_in >= since:
        since = certain if row.failed else None  # a success that was not noted, and perhaps failures after it
    if certain is not None and certain <= at and not row.failed and tries < TRIES_BEFORE_WARNING:
        since = None  # in the hour of its failure it also succeeded, perhaps later, and nothing has failed since
    announced_at = None if known is None else read_rfc3339(known.details.get(_ANNOUNCED) or "")
    if announced_at is not None and since is not None and announced_at < since:
        announced_at = None  # it was announced of an earlier failure
    return Facts(
        since,
        row.failed,
        tries,
        row.disable_after_days,
        announced_at,
        warned=known is not None,
        certain_since=certain,
    )


def _failing(row: HealthRow, judged: Judgement) -> Trouble:
    trouble = endpoint_messages.failing(row, judged)
    if judged.announced_at is not None:
        trouble.details[_ANNOUNCED] = rfc3339(judged.announced_at)
    return trouble


async def _note(
    session: Session,
    row: HealthRow,
    action: Action,
    changed: Changes,
    subject: str | None = None,
) -> None:
    await insert_entry(
        session, row.account, actor=ACTOR, address=None, action=action, subject=subject or row.url, changes=changed
    )
