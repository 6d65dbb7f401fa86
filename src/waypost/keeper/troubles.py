"""Looks for what accounts and the operator must know, besides the health of endpoints, and keeps its incidents."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from waypost.domain import ids
from waypost.domain.connections import ConnectionState
from waypost.domain.incidents import Incident, Kind, Subject, Trouble, changes
from waypost.domain.times import from_ms, read_rfc3339, rfc3339
from waypost.keeper.reconciler import Reconciler
from waypost.store import incident_changes, incidents, partitions, trouble_signs
from waypost.store.backups.scheduled import ScheduledBackups
from waypost.store.intake_rows import now
from waypost.store.statements import Session
from waypost.store.trouble_signs import TroubledConnection

KINDS: Final = (Kind.CONNECTION_REFUSED, Kind.BUDGET_TOO_SMALL, Kind.PARCELS_STUCK, Kind.OPERATOR)
LATE: Final = timedelta(hours=1)
"""From here on a connection's budget is too small for its parcels."""

STUCK_AFTER: Final = timedelta(days=1)
UNSEEN: Final = timedelta(minutes=1)
FEWEST_DAYS: Final = 2
BACKUP_AGE: Final = timedelta(hours=30)
STALLS_OF_TROUBLE: Final = 30
STALLED_SECONDS: Final = 600.0
PARCELS: Final = "parcels"
HOST: Final = "host"
SEEN_AT: Final = "seen_at"
"""Until when a machine's keeper has seen the trouble, to the hour: each confirmation is a change of the incident."""

SILENT_AFTER: Final = timedelta(hours=3)
"""A machine whose keeper has not confirmed its trouble for this long was most likely removed."""


class Signs:
    """What only this process can see: whether the disk has room, how often its event loop was blocked, the backups."""

    def __init__(
        self,
        *,
        has_room: Callable[[], bool] = lambda: True,
        stalls: Callable[[], int] = lambda: 0,
        backups: ScheduledBackups | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._has_room = has_room
        self._stalls = stalls
        self._backups = backups
        self._clock = clock
        self._counted: list[tuple[float, int]] = []
        self._begun = clock()
        self._started = datetime.now(UTC)
        self.host = socket.gethostname()

    @property
    def has_settled(self) -> bool:
        """Whether this process has run long enough for the dispatchers that were started with it to be seen."""
        return self._clock() - self._begun >= UNSEEN.total_seconds()

    def found(self, at: datetime) -> Iterator[Trouble]:
        """Yield what is wrong with the process and its machine."""
        if not self._has_room():
            yield self._here(
                at,
                Subject.DISK,
                "The disk is nearly full: updates are rejected, deliveries continue. Free some space, or lower"
                " WAYPOST_MIN_FREE_DISK.",
            )
        if self._is_stalling():
            yield self._here(
                at,
                Subject.STALL,
                f"The event loop was blocked more than {STALLS_OF_TROUBLE} times within 10 minutes. The machine may be"
                " too small or overloaded; the log event loop_stalled says what ran.",
            )
        if self._backups is not None:
            newest = self._backups.newest() or self._started
            if at - newest > BACKUP_AGE:
                yield self._here(
                    at,
                    Subject.BACKUP,
                    f"No backup has been made for {BACKUP_AGE // timedelta(hours=1)} hours. The log event backup_failed"
                    " or duty_failed says why.",
                )

    def is_here(self, incident: Incident) -> bool:
        """Return whether an incident is about this machine, or about none in particular."""
        return bool(incident.details.get(HOST, self.host) == self.host)

    def is_silent(self, incident: Incident, at: datetime) -> bool:
        """Return whether the machine of an incident has not confirmed it for hours."""
        seen = read_rfc3339(incident.details.get(SEEN_AT, "")) or self._started  # older versions noted no time
        return at - seen >= SILENT_AFTER

    def _here(self, at: datetime, subject: Subject, message: str) -> Trouble:
        hour = at.replace(minute=0, second=0, microsecond=0)
        details = {HOST: self.host, SEEN_AT: rfc3339(hour)}
        return Trouble(None, Kind.OPERATOR, subject.value, message, details=details)

    def _is_stalling(self) -> bool:
        """Return whether the loop was blocked often within the last minutes."""
        at, count = self._clock(), self._stalls()
        self._counted = [one for one in self._counted if at - one[0] < STALLED_SECONDS]
        self._counted.append((at, count))
        return count - self._counted[0][1] > STALLS_OF_TROUBLE


class Troubles:
    """The keeper's duty that looks for troubles and writes incidents."""

    def __init__(self, signs: Signs, reconciler: Reconciler) -> None:
        self._signs = signs
        self._reconciler = reconciler

    async def look(self, session: Session) -> int:
        """Look at everything once; return how many incidents changed."""
        at = from_ms(await now(session))
        found = [
            *map(_of_connection, await trouble_signs.troubled_connections(session, LATE)),
            *map(_stuck, await trouble_signs.accounts_with_stuck_parcels(session, at - STUCK_AFTER)),
            *self._signs.found(at),
            *self._of_promises(),
            *await _of_partitions(session),
            *await self._of_dispatchers(session),
        ]
        known = [one for one in await incidents.open_ones(session, KINDS) if self._can_see(one, at)]
        return await incident_changes.write_changes(session, changes(known, found, self._ending))

    def _can_see(self, incident: Incident, at: datetime) -> bool:
        """Return whether this keeper can say that an incident is over: it may be about another keeper's machine."""
        if incident.subject == Subject.RECONCILER:
            return self._reconciler.findings is not None
        return self._signs.is_here(incident) or self._signs.is_silent(incident, at)

    def _ending(self, incident: Incident) -> str:
        if self._signs.is_here(incident):
            return _ending(incident)
        return (
            f"No keeper on the machine {incident.details[HOST]} has reported for {SILENT_AFTER // timedelta(hours=1)}"
            " hours. It was probably removed. If the machine is still in use and the trouble persists, another incident"
            " is opened."
        )

    async def _of_dispatchers(self, session: Session) -> list[Trouble]:
        if not self._signs.has_settled or await trouble_signs.is_anybody_dispatching(session, UNSEEN):
            return []
        message = (
            "No dispatcher has been seen for a minute: no webhooks are sent. Check the log of `waypost serve` or"
            " `waypost dispatch`."
        )
        return [_of_operator(Subject.DISPATCH, message)]

    def _of_promises(self) -> Iterator[Trouble]:
        findings = self._reconciler.findings
        if findings is not None and any(findings.wrong.values()):
            yield _of_operator(
                Subject.RECONCILER,
                "The reconciler found deliveries that break the guarantee that nothing is dropped. The log event"
                " promise_broken and the metric waypost_reconciliation_broken count them. Report this as a bug.",
            )


async def _of_partitions(session: Session) -> list[Trouble]:
    if await partitions.days_left(session) >= FEWEST_DAYS:
        return []
    message = (
        "Day partitions for the coming days are missing: events can't be stored when they are needed. The log event"
        " duty_failed says why they were not created."
    )
    return [_of_operator(Subject.PARTITIONS, message)]


def _of_connection(row: TroubledConnection) -> Trouble:
    subject = ids.to_text(ids.CONNECTION, row.id)
    details = {"name": row.name, "state": row.state}
    if row.state in (ConnectionState.REFUSED, ConnectionState.UNREADABLE):
        problem = (
            "rejects the credentials. Replace them"
            if row.state == ConnectionState.REFUSED
            else 'returns responses that Waypost can\'t read. See "Unreadable response"'
        )
        message = f"The source of the connection {row.name} {problem} on the connection's page."
        kind, details["since"] = Kind.CONNECTION_REFUSED, rfc3339(row.state_since)
    else:
        message = (
            f"The connection {row.name} has too few calls for its parcels: at least one is polled more than an hour"
            " late. Ask the carrier for a higher limit, or enter the granted limit on the connection's page."
        )
        kind = Kind.BUDGET_TOO_SMALL
    if row.account is None:
        return Trouble(None, Kind.OPERATOR, subject, message, details=details)
    return Trouble(row.account, kind, subject, message, details=details)


def _stuck(account: UUID) -> Trouble:
    message = (
        "At least one parcel was registered more than a day ago, and no source has reported anything about it. Connect"
        " its carrier, check its number and courier, or report its updates with POST /v1/updates."
    )
    return Trouble(account, Kind.PARCELS_STUCK, PARCELS, message)


def _of_operator(subject: Subject, message: str) -> Trouble:
    return Trouble(None, Kind.OPERATOR, subject.value, message)


def _ending(incident: Incident) -> str:
    match incident.kind:
        case Kind.CONNECTION_REFUSED:
            return f"The connection {incident.details.get('name', '')} works again, or is disabled or deleted."
        case Kind.BUDGET_TOO_SMALL:
            return f"The connection {incident.details.get('name', '')} polls its parcels in time again."
        case Kind.PARCELS_STUCK:
            return "No parcel waits for its first update for more than a day."
        case _:
            return f"Over since then: {incident.message.partition('. ')[0]}."
