"""Rows of incidents, written. Each change of an account's incidents gets a higher ``change`` than all before it."""

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.incidents import LONGEST_MESSAGE, Changed, Closed, NewIncident
from waypost.domain.incidents import Change as IncidentChange
from waypost.domain.times import from_ms
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
        match change:
            case NewIncident(trouble):
                text = msgspec.json.encode(trouble.details).decode()
                columns = (trouble.kind.value, trouble.subject, trouble.stage, trouble.message[:LONGEST_MESSAGE], text)
                row = await fetch_one(session, "insert_incident", number, account, *columns, at)
            case Changed(incident, trouble):
                text = msgspec.json.encode(trouble.details).decode()
                described = (trouble.stage, trouble.message[:LONGEST_MESSAGE], text)
                row = await fetch_one(session, "update_incident", incident.id, *described, number)
            case Closed(incident, message):
                row = await fetch_one(session, "update_closed", incident.id, at, message[:LONGEST_MESSAGE], number)
        return row is not None


async def _next_change(session: Session, account: UUID | None) -> tuple[datetime, UUID]:
    """Return the present time, and an id above all changes of the account's incidents; others wait for this one."""
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
