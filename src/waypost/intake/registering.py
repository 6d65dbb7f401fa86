"""Registers an account's parcels at the services that push, a few at a time, and ends that for those that are over.

One process of an installation does so at a time. The results are stored afterwards; if a process dies in
between, the parcels are registered again, which does no harm.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from waypost.domain import ids
from waypost.domain.carriers import CarrierError, CarrierLimited, CarrierRefused
from waypost.domain.connections import ConnectionState
from waypost.domain.inbound import ParcelToRegister
from waypost.domain.times import from_ms
from waypost.intake.registration_ends import RegistrationEnds
from waypost.rest import until_next_look
from waypost.store import duties, inbound_changes, registration_changes, registrations
from waypost.store.connections import ConnectionRow
from waypost.store.database import Database
from waypost.store.inbound_changes import PushHealth
from waypost.store.registrations import UnregisteredParcel
from waypost.store.statements import Session

_LOG: Final = structlog.get_logger()
DUTY: Final = 22
"""Its number among the duties that one process does at a time."""
ROUND_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = 31.0
"""A parcel is registered this long after it was added: by then, no transaction that adds an older one is open."""
PAUSE_SECONDS: Final = 60.0
PAUSE_REFUSED_SECONDS: Final = 900.0

Registering = Callable[[ConnectionRow, Sequence[ParcelToRegister]], Awaitable[list[str | None]]]
"""Registers parcels at a connection's service, or stops that; returns for each why it was refused, or None.

Raise CarrierError, and ValueError, worded for its owner, if the connection can't be used.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarCalls:
    """The calls of the services at which parcels are registered.

    ``resume`` registers parcels again that were stopped. ``most_at_once`` is how many of a source in one round, 0 for
    those that register none. ``polled`` are the sources that can be polled for what is registered there, ``pausing``
    those that keep what they know of a parcel that was stopped.
    """

    register: Registering
    stop: Registering
    resume: Registering
    most_at_once: Callable[[str], int]
    polled: Container[str] = ()
    pausing: Container[str] = ()


class ParcelRegistering:
    """Registers parcels at ``service``, and stops those that need no pushes any more."""

    def __init__(
        self, database: Database, service: RegistrarCalls, *, settled_seconds: float = SETTLED_SECONDS
    ) -> None:
        self._database = database
        self._service = service
        self._ends = RegistrationEnds(database)
        self._settled = timedelta(seconds=settled_seconds)
        self._paused: dict[UUID, float] = {}

    async def serve(self, stop: asyncio.Event) -> None:
        """Register parcels until ``stop`` is set. Raise when PostgreSQL is unavailable."""
        every = timedelta(seconds=ROUND_SECONDS * 0.9)
        while not stop.is_set():
            async with (
                self._database.holding.acquire() as session,
                duties.duty(session, DUTY, every=every) as taken,
            ):
                if taken:
                    await self.run_once()
            await until_next_look(stop, ROUND_SECONDS)

    async def run_once(self) -> int:
        """Register the next parcels of every connection, and return how many were registered or refused."""
        async with self._database.engine.acquire() as session:
            rows = await registrations.connections_to_register(session)
        free = [row for row in rows if self._paused.get(row.id, 0) <= time.monotonic()]
        return sum(await asyncio.gather(*(self._take_turn(row) for row in free)))

    async def _take_turn(self, row: ConnectionRow) -> int:
        most = self._service.most_at_once(row.source)
        if not most:
            return 0
        try:
            return await self._next(row, most)
        except CarrierLimited as error:
            await self._pause(row, error.retry_after_seconds or PAUSE_SECONDS, ConnectionState.LIMITED, str(error))
        except (CarrierRefused, ValueError) as error:
            await self._pause(row, PAUSE_REFUSED_SECONDS, ConnectionState.REFUSED, str(error))
        except CarrierError as error:
            await self._pause(row, PAUSE_SECONDS, None, str(error))
        return 0

    async def _next(self, row: ConnectionRow, most: int) -> int:
        async with self._database.engine.acquire() as session:
            before = from_ms(time.time_ns() // 1_000_000) - self._settled
            new = await registrations.unregistered(session, row, before, most)
            again = await registrations.wanted_again(session, row.id, most)
        # No session is held while the service answers.
        refused = await self._service.register(row, _parcels(new)) if new else []
        await self._note(row, new, refused, mark=True)
        resumed = await self._service.resume(row, _parcels(again)) if again else []
        await self._note(row, again, resumed, mark=False)
        await self._stop_deleted(row, most)
        await self._stop_finished(row, most)
        return len(refused) + len(resumed)

    async def _note(
        self, row: ConnectionRow, parcels: Sequence[UnregisteredParcel], refused: Sequence[str | None], *, mark: bool
    ) -> None:
        """Write the results of parcels, as far as the service got."""
        if not refused:
            return
        done, polled = [one.id for one in parcels[: len(refused)]], row.source in self._service.polled
        async with self._database.engine.acquire() as session:
            await registration_changes.insert_registrations(session, row.id, done, refused, polled=polled, mark=mark)

    async def _stop_deleted(self, row: ConnectionRow, most: int) -> None:
        gone, to_stop = await self._ends.deleted(row, most)
        if not gone:
            return
        stopped = await self._service.stop(row, _parcels(to_stop)) if to_stop else []
        left = {one.id for one in to_stop[len(stopped) :]}
        async with self._database.engine.acquire() as session:
            await registration_changes.delete_registrations(session, row.id, [one for one in gone if one not in left])

    async def _stop_finished(self, row: ConnectionRow, most: int) -> None:
        found = await self._ends.finished(row, most) if row.source in self._service.pausing else []
        refused = await self._service.stop(row, _parcels(found)) if found else []
        stopped = [one.id for one, reason in zip(found, refused, strict=False) if reason is None]
        if stopped:
            async with self._database.engine.acquire() as session:
                await registration_changes.mark_stopped(session, row.id, stopped)

    async def _pause(self, row: ConnectionRow, seconds: float, state: ConnectionState | None, reason: str) -> None:
        connection = ids.to_text(ids.CONNECTION, row.id)
        _LOG.warning("registering_paused", connection=connection, source=row.source, seconds=round(seconds))
        self._paused[row.id] = time.monotonic() + seconds
        if state is not None:
            async with self._database.engine.acquire() as session:
                await _note_health(session, row, state, f"Parcels can't be registered there: {reason}.")


async def _note_health(session: Session, row: ConnectionRow, state: ConnectionState, message: str) -> None:
    await inbound_changes.update_push_health(session, [PushHealth(row.id, state, message)])


def _parcels(found: Sequence[UnregisteredParcel]) -> list[ParcelToRegister]:
    return [ParcelToRegister(one.tracking_number, one.courier_code) for one in found]
