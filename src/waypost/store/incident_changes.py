"""Rows of incidents, written. Each change of an account's incidents gets a higher ``change`` than all before it."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from msgspec import structs

from waypost.domain import ids
from waypost.domain.alerts import What
from waypost.domain.incidents import LONGEST_MESSAGE, Changed, Closed, Incident, NewIncident, Trouble
from waypost.domain.incidents import Change as IncidentChange
from waypost.domain.times import from_ms
from waypost.store.alert_changes import insert_alerts
from waypost.store.incidents import BEGINNING, OPERATOR
from waypost.store.intake_rows import now
from waypost.store.statements import Session, execute, fetch, fetch_one, transaction


async def write_changes(session: Session, changes: Iterable[IncidentChange]) -> int:
    """Write changes, each in a transaction of its own, and return how many were made.

    Of two writers that open the same incident, or close it, one is ignored.
    """
    return sum([await _write(session, change) for change in changes])


async def _write(session: Session, change: IncidentChange) -> bool:
    account = change.trouble.account if isinstance(change, NewIncident) else change.incident.account
    async with transaction(session):
        at, number = await _next_change(session, account)
        what: What | None
        match change:
            case NewIncident(trouble, since):
                incident, what = _incident(trouble, number, since or at), What.OPENED
                columns = (incident.kind.value, incident.subject, incident.stage, incident.message, _details(incident))
                row = await fetch_one(session, "insert_incident", number, account, *columns, incident.opened_at)
            case Changed(known, trouble, reminds):
                incident, what = _incident(trouble, number, known.opened_at), What.REMINDED if reminds else None
                incident = structs.replace(incident, id=known.id)
                described = (incident.stage, incident.message, _details(incident))
                row = await fetch_one(session, "update_incident", known.id, *described, number)
            case Closed(known, message):
                ended = max(at, known.opened_at)
                incident, what = structs.replace(known, message=message[:LONGEST_MESSAGE], closed_at=ended), What.CLOSED
                row = await fetch_one(session, "update_closed", known.id, ended, incident.message, number)
        if row is not None and what is not None:
            await insert_alerts(session, incident, what)
        return row is not None


def _incident(trouble: Trouble, number: UUID, opened_at: datetime) -> Incident:
    return Incident(
        id=number,
        account=trouble.account,
        kind=trouble.kind,
        subject=trouble.subject,
        stage=trouble.stage,
        message=trouble.message[:LONGEST_MESSAGE],
        details=trouble.details,
        opened_at=opened_at,
        closed_at=None,
        change=number,
    )


def _details(incident: Incident) -> str:
    return msgspec.json.encode(incident.details).decode()


async def _next_change(session: Session, account: UUID | None) -> tuple[datetime, UUID]:
    """Return the current time, and an id above all changes of the account's incidents; others wait for this one."""
    await execute(session, "lock_incidents", "" if account is None else account.hex)
    row = await fetch_one(session, "last_incident_change", account or OPERATOR)
    last = BEGINNING if row is None else row["change"]
    at = await now(session)
    number = ids.make_id(max(at, ids.made_at(last)), 0, secrets.randbits(62))
    if number <= last:
        number = ids.make_id(ids.made_at(last) + 1, 0, secrets.randbits(62))
    return from_ms(at), number


async def delete_old_incidents(session: Session, kept: timedelta) -> int:
    """Delete some of the incidents that ended longer ago; return how many."""
    return len(await fetch(session, "delete_old_incidents", kept))
