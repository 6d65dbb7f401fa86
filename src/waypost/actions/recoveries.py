"""What is done with recoveries. Each function raises NotFound, Conflict or Invalid."""

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
from waypost.domain.times import read_rfc3339, rfc3339, rfc3339_or_none
from waypost.intake import recovery as steps
from waypost.store import recoveries
from waypost.store.intake_rows import from_ms, now
from waypost.store.recoveries import RecoveryRow
from waypost.store.statements import transaction

COUNT_SECONDS: Final = 2.0
"""So long a call counts what matches; the keeper counts on."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RecoveryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a recovery."""

    endpoint_id: str
    since: Time
    only: Annotated[str, one_of(Only)]
    until: Time | None = None
    dry_run: bool = False


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """A recovery as v1 shows it."""

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
    """Give the recovery of an id."""
    recovery = present(ids.from_text(ids.RECOVERY, text))
    async with context.database.serving.acquire() as session:
        return present(await recoveries.find(session, actor.account, recovery))


async def start(context: Context, actor: Actor, body: RecoveryRequest) -> RecoveryRow:
    """Begin a recovery and count what it matches; a dry run does nothing else, also while the endpoint is off.

    It ends now, or earlier if that is said: what happens from now on is delivered anyway.
    """
    endpoint = await endpoints.find(context, actor, endpoints.read_id(body.endpoint_id))
    if not endpoint.enabled and not body.dry_run:
        raise Conflict("endpoint_off", "The endpoint is off: enable it first.")
    async with context.database.engine.acquire() as session:
        at = await now(session)
        since, until = _times(body, from_ms(at))
        recovery = ids.make_id(at, 0, secrets.randbits(62))
        async with transaction(session):
            added = await recoveries.add(
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
    """Queue no more of a recovery; what it has queued is still sent."""
    row = await find(context, actor, text)
    async with context.database.serving.acquire() as session, transaction(session):
        if not await recoveries.stop(session, actor.account, row.id):
            raise Conflict("already_finished", f"It has ended already: it is {row.state}.")
        if not row.dry_run:
            await note(session, actor, Action.RECOVERY_STOPPED, ids.to_text(ids.RECOVERY, row.id))
    return await find(context, actor, text)


def show(row: RecoveryRow) -> Recovery:
    """Give a recovery as v1 shows it."""
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
    what = "The webhooks of this endpoint are being counted" if dry_run else "A recovery of this endpoint is under way"
    return Conflict("recovery_running", f"{what} already: let that end, or stop it.")


def _times(body: RecoveryRequest, present: datetime) -> tuple[datetime, datetime]:
    """Read the time that is recovered. Raises Invalid with all that is wrong with the body."""
    faults: list[Fault] = []
    if body.only not in list(Only):
        faults.append(Fault("only", f"must be one of {', '.join(Only)}"))
    since = _time(body.since, "since", faults)
    until = present if body.until is None else min(_time(body.until, "until", faults), present)
    if not faults and since > until:
        faults.append(Fault("since", "must be before until, and not in the future"))
    if faults:
        raise Invalid(faults)
    return since, until


def _time(text: str, field: str, faults: list[Fault]) -> datetime:
    at = read_rfc3339(text)
    if at is None or at < _EPOCH:
        faults.append(Fault(field, "must be a time such as 2026-03-04T13:20:00Z"))
        return _EPOCH
    return at
