"""Actions on recoveries. Each function raises NotFound, Conflict or Invalid."""

import secrets
import time
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from waypost.actions import endpoints
from waypost.actions.actor import Actor, note
from waypost.actions.constraints import Time, one_of
from waypost.actions.context import Context
from waypost.actions.refusals import Conflict, Fault, Invalid, present
from waypost.domain import ids
from waypost.domain.audit import Action, Changes
from waypost.domain.recoveries import Only
from waypost.domain.times import from_ms, read_rfc3339, rfc3339, rfc3339_or_none
from waypost.intake import recovery as steps
from waypost.store import recoveries, recovery_changes
from waypost.store.intake_rows import now
from waypost.store.recoveries import RecoveryRow
from waypost.store.statements import transaction

COUNT_SECONDS: Final = 2.0
"""How long a call counts matching events; the keeper continues the count."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecoveryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The requested recovery: the body of v1, or the page's form."""

    endpoint_id: str
    since: Time
    only: Annotated[str, one_of(Only)]
    until: Time | None = None
    dry_run: bool = False


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """A recovery as v1 represents it."""

    id: str
    endpoint_id: str
    only: str
    since: str
    until: str
    dry_run: bool
    state: str
    matched: int
    queued: int
    delivered: int
    failed: int
    created_at: str
    finished_at: str | None


async def find(context: Context, actor: Actor, text: str) -> RecoveryRow:
    """Return the recovery with an id."""
    recovery = present(ids.from_text(ids.RECOVERY, text))
    async with context.database.serving.acquire() as session:
        return present(await recoveries.find(session, actor.account, recovery))


async def start(context: Context, actor: Actor, body: RecoveryRequest) -> RecoveryRow:
    """Start a recovery and count its events. A dry run only counts, and is allowed while the endpoint is disabled.

    The period ends now, or earlier if the body says so: later events are delivered anyway.
    """
    endpoint = await endpoints.find(context, actor, endpoints.read_id(body.endpoint_id))
    if not endpoint.enabled and not body.dry_run:
        raise Conflict("endpoint_off", "The endpoint is disabled. Enable it first.")
    async with context.database.engine.acquire() as session:
        at = await now(session)
        since, until = _times(body, from_ms(at))
        recovery = ids.make_id(at, 0, secrets.randbits(62))
        async with transaction(session):
            added = await recovery_changes.insert_recovery(
                session,
                recovery=recovery,
                account=actor.account,
                endpoint=endpoint.id,
                only=body.only,
                since=since,
                until=until,
                dry_run=body.dry_run,
            )
            if not added:
                raise _another_runs(dry_run=body.dry_run)
            if not body.dry_run:
                asked = {"endpoint": endpoint.url, "only": body.only, "since": rfc3339(since), "until": rfc3339(until)}
                changes: Changes = {name: (None, text) for name, text in asked.items()}
                await note(session, actor, Action.RECOVERY_BEGUN, ids.to_text(ids.RECOVERY, recovery), changes)
        ends = time.monotonic() + COUNT_SECONDS
        while await steps.count(session, recovery) and time.monotonic() < ends:
            pass
    return await find(context, actor, ids.to_text(ids.RECOVERY, recovery))


async def stop(context: Context, actor: Actor, text: str) -> RecoveryRow:
    """Stop a recovery; deliveries that it has queued are still sent."""
    row = await find(context, actor, text)
    async with context.database.serving.acquire() as session, transaction(session):
        if not await recovery_changes.mark_stopped(session, actor.account, row.id):
            raise Conflict("already_finished", f"The recovery has already ended ({row.state}).")
        if not row.dry_run:
            await note(session, actor, Action.RECOVERY_STOPPED, ids.to_text(ids.RECOVERY, row.id))
    return await find(context, actor, text)


def show(row: RecoveryRow) -> Recovery:
    """Return a recovery as v1 represents it."""
    return Recovery(
        id=ids.to_text(ids.RECOVERY, row.id),
        endpoint_id=ids.to_text(ids.ENDPOINT, row.endpoint),
        only=row.only_what,
        since=rfc3339(row.since),
        until=rfc3339(row.until),
        dry_run=row.dry_run,
        state=row.state,
        matched=row.matched,
        queued=row.queued,
        delivered=row.delivered,
        failed=row.failed,
        created_at=rfc3339(row.created_at),
        finished_at=rfc3339_or_none(row.finished_at),
    )


def _another_runs(*, dry_run: bool) -> Conflict:
    what = "A count for this endpoint" if dry_run else "A recovery of this endpoint"
    return Conflict("recovery_running", f"{what} is already running. Wait for it to finish, or stop it.")


def _times(body: RecoveryRequest, present: datetime) -> tuple[datetime, datetime]:
    """Return the period to recover. Raise Invalid with all errors of the body."""
    faults: list[Fault] = []
    if body.only not in list(Only):
        faults.append(Fault("only", f"must be one of {', '.join(Only)}"))
    since = _time(body.since, "since", faults)
    until = present if body.until is None else min(_time(body.until, "until", faults), present)
    if not faults and since > until:
        faults.append(Fault("since", "must be before until and not in the future"))
    if faults:
        raise Invalid(faults)
    return since, until


def _time(text: str, field: str, faults: list[Fault]) -> datetime:
    at = read_rfc3339(text)
    if at is None or at < _EPOCH:
        faults.append(Fault(field, "must be a time such as 2026-03-04T13:20:00Z"))
        return _EPOCH
    return at
