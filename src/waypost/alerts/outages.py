"""Reports an outage of the database to the operator while it lasts: alerts in the database can't be sent then."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import structlog

from waypost.alerts.messenger import Messenger
from waypost.domain import ids
from waypost.domain.alerts import AlertService, Content, WaitingAlert, What
from waypost.domain.incidents import Closed, Kind, NewIncident, Subject, Trouble
from waypost.domain.times import rfc3339
from waypost.rest import until_next_look
from waypost.store import incident_changes, incidents
from waypost.store.database import Database
from waypost.store.statements import transaction
from waypost.store.trouble import LOST, REPEATABLE, SENTENCES, DatabaseTrouble

_LOG: Final = structlog.get_logger()
REPORTED_AFTER_SECONDS: Final = 60.0
"""A restart or a failover of PostgreSQL takes less."""

RETRY_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 1.0
KNOWN: Final = 50
_MEANWHILE: Final = "Calls are answered with 503, and no webhooks are sent until it can be used again."
_OVER: Final = "The database can be used again."

Channel = tuple[AlertService, Mapping[str, str]]


class OutageReports:
    """Sends to the operator's ``channels``, as the settings describe them: once after a minute, and once at the end.

    An outage that lasted a minute is an incident, too, which can be written only when it is over.
    """

    def __init__(
        self,
        database: Database,
        messenger: Messenger,
        channels: Sequence[Channel],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._messenger = messenger
        self._channels = channels
        self._clock = clock
        self._since: tuple[float, datetime] | None = None
        self._to_write: tuple[DatabaseTrouble, datetime] | None = None
        self._id = uuid4()
        self._informed: set[int] = set()
        self._next_try = 0.0

    async def serve(self, stop: asyncio.Event) -> None:
        """Look every second, at rest every few seconds, until ``stop`` is set."""
        while not stop.is_set():
            await self.look()
            await until_next_look(stop, LOOK_SECONDS)

    async def look(self) -> None:
        """Report what is due now."""
        trouble = self._database.outage.trouble
        if trouble is None:
            await self._end()
            return
        if self._since is None:
            self._since, self._id, self._next_try = (self._clock(), datetime.now(UTC)), uuid4(), 0.0
        began, at = self._since
        now = self._clock()
        if now - began < REPORTED_AFTER_SECONDS:
            return
        self._to_write = (trouble, at)
        if now < self._next_try:
            return
        self._next_try = now + RETRY_SECONDS
        for place, channel in enumerate(self._channels):
            if place not in self._informed and await self._send(channel, _opened(self._id, trouble, at)):
                self._informed.add(place)

    async def _end(self) -> None:
        """Report the end to those who were informed of the beginning, and write the incident."""
        if self._to_write is not None:
            with suppress(*LOST, *REPEATABLE):  # it is written with the next look
                await self._write(*self._to_write)
                self._to_write = None
        if self._since is None:
            return
        (_, at), self._since = self._since, None
        for place in sorted(self._informed):
            await self._send(self._channels[place], _closed(self._id, at))
        self._informed.clear()

    async def _write(self, trouble: DatabaseTrouble, since: datetime) -> None:
        """Write an incident that is over; another keeper may have written it.

        Both changes are in one transaction, so that no alert is sent: its beginning and its end are found together.
        """
        async with self._database.engine.acquire() as session, transaction(session):
            known = await incidents.newest(session, None, limit=KNOWN)
            if any(one.subject == Subject.DATABASE and (one.closed_at or since) >= since for one in known):
                return
            found = Trouble(None, Kind.OPERATOR, Subject.DATABASE.value, f"{SENTENCES[trouble]} {_MEANWHILE}")
            await incident_changes.write_changes(session, [NewIncident(found, since)])
            opened = [one for one in await incidents.open_ones(session, [Kind.OPERATOR]) if one.key == found.key]
            await incident_changes.write_changes(session, [Closed(one, _OVER) for one in opened])

    async def _send(self, channel: Channel, alert: WaitingAlert) -> bool:
        result = await self._messenger.send(*channel, [alert], to_operator=True)
        if not result.is_sent:
            _LOG.warning("outage_not_reported", service=channel[0].value, answer=result.answer)
        return result.is_sent


def _opened(identifier: UUID, trouble: DatabaseTrouble, since: datetime) -> WaitingAlert:
    message = f"{SENTENCES[trouble]} {_MEANWHILE}"
    return WaitingAlert(identifier, What.OPENED, _content(identifier, message, since))


def _closed(identifier: UUID, since: datetime) -> WaitingAlert:
    content = _content(identifier, _OVER, since, closed_at=rfc3339(datetime.now(UTC)))
    return WaitingAlert(identifier, What.CLOSED, content)


def _content(identifier: UUID, message: str, since: datetime, *, closed_at: str | None = None) -> Content:
    incident = ids.to_text(ids.INCIDENT, identifier)
    return Content(incident, Kind.OPERATOR.value, Subject.DATABASE.value, message, rfc3339(since), closed_at)
