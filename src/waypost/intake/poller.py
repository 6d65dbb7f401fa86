"""Polls sources for the parcels that are due: chooses the connection for a parcel, and the process that polls it.

Several processes may poll. A connection is leased to one of them, since what it has spent of its budget is one number.
A parcel is leased before it is polled, so a process that lost its lease does no harm.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final
from uuid import UUID, uuid4

import structlog

from waypost.domain import ids
from waypost.domain.carriers import CarrierSource, LimitedSource
from waypost.domain.connections import Candidate, Choice, ConnectionKind, choose
from waypost.intake.collector import Intake
from waypost.intake.connection_poller import LOOK_SECONDS, ConnectionPoller
from waypost.intake.poll_schedule import NEVER_ASKED, rank
from waypost.rest import until_next_look
from waypost.store import connection_changes, connections
from waypost.store.clock import DatabaseClock
from waypost.store.connection_changes import Routed
from waypost.store.connections import ConnectionRow, UnroutedParcel
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.turns import Turn

_LOG: Final = structlog.get_logger()
CALLS_AT_ONCE: Final = 256
"""The maximum requests in flight to all sources together."""
LEASE_SECONDS: Final = 30.0
"""How long a connection is leased; if its process dies, its parcels wait this long."""
MOST_KEPT: Final = 1_000
"""The number of sources that are kept open, with their tokens."""


class Poller:
    """The poll loop of one process.

    ``codes`` are the courier codes that each source answers for, by its name; ``services`` are the sources that push
    parcels registered there, and are polled when pushes stop arriving. ``detect`` returns the courier codes that
    a number looks like, the likeliest first. ``open_source`` makes a connection's source; it raises ValueError for
    credentials that can't be used. ``speed`` is the factor by which waits between polls are shortened; budgets stay
    unchanged.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        *,
        codes: Mapping[str, frozenset[str]],
        detect: Callable[[str], Sequence[str]],
        open_source: Callable[[ConnectionRow], CarrierSource],
        services: Collection[str] = (),
        speed: float = 1.0,
        clock: DatabaseClock | None = None,
    ) -> None:
        self._database = database
        self._intake = intake
        self._codes = codes
        self._detect = detect
        self._open = open_source
        self._services = services
        self._speed = speed
        self._clock = clock or DatabaseClock()
        self._process = uuid4()
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._askings: OrderedDict[tuple[UUID, float], ConnectionPoller] = OrderedDict()

    async def serve(self, stop: asyncio.Event) -> None:
        """Poll until ``stop`` is set, and let running polls finish. Raise when PostgreSQL is unavailable."""
        running: dict[UUID, asyncio.Task[None]] = {}
        try:
            while not stop.is_set():
                await self.route()
                for connection, asking in (await self._take(running.keys())).items():
                    running[connection] = asyncio.create_task(self._work_off(asking, stop))
                await until_next_look(stop, LOOK_SECONDS)
                for connection in [connection for connection, task in running.items() if task.done()]:
                    running.pop(connection).result()
            await asyncio.gather(*running.values())
        finally:
            await end(*running.values())
        await self._give_back()

    async def run_once(self) -> int:
        """Assign connections and poll what is due and allowed now; return how many parcels were polled."""
        await self.route()
        asked = sum([await asking.run_once() for asking in (await self._take(())).values()])
        await self._give_back()
        return asked

    async def route(self) -> None:
        """Choose a connection for each parcel that has none."""
        turn = Turn()
        async with self._database.engine.acquire() as session:
            found = await connections.unrouted_connections(session)
            if found:
                shared = [one.id for one in await connections.of_installation(session)]
            for one in found:
                # A service does not take parcels away from the installation's carriers, which know their courier.
                before = [] if one.source in self._services else shared
                codes = self._codes.get(one.source, frozenset())
                await connection_changes.look_for_parcels(session, one, codes, before)
            while parcels := await connections.unrouted_watches(session):
                accounts = {parcel.account for parcel in parcels}
                candidates = await connections.candidates(session, accounts, self._codes)
                registered = await connections.registered_candidates(
                    session, accounts, [parcel.tracking for parcel in parcels], self._services
                )
                routed: dict[UUID, Routed] = {}
                for parcel in parcels:
                    await turn.pause()
                    routed[parcel.tracking] = Routed(self._choose(parcel, candidates, registered), _rank(parcel))
                await connection_changes.route_parcels(session, routed)

    def _choose(
        self,
        parcel: UnroutedParcel,
        candidates: Mapping[UUID, list[Candidate]],
        registered: Mapping[UUID, Sequence[UUID]],
    ) -> Choice:
        mine, there = candidates.get(parcel.account, []), registered.get(parcel.tracking, ())
        # The form of a number matters only if neither its courier's own sources nor a service know it.
        known = any(parcel.courier_code in one.courier_codes and one.id not in parcel.tried for one in mine)
        known = known or any(one not in parcel.tried for one in there)
        detected = () if known or not mine else self._detect(parcel.tracking_number)
        return choose(parcel.courier_code, detected, mine, parcel.tried, registered=there)

    async def _take(self, running: Collection[UUID]) -> dict[UUID, ConnectionPoller]:
        """Lease the due connections that no process polls; release parcels whose connection is gone."""
        async with self._database.engine.acquire() as session:
            resting = {key[0] for key, asking in self._askings.items() if asking.is_resting}
            due = [one for one in await connections.with_work(session) if one not in running and one not in resting]
            if not due:
                return {}
            await self._clock.read(session)
            rows = {row.id: row for row in await connections.by_ids(session, due)}
            for connection in due:
                if connection not in rows or not rows[connection].is_polled:
                    await connection_changes.free_parcels(session, connection)
            polled = [one for one, row in rows.items() if row.is_polled]
            taken = await connection_changes.lease_connections(session, polled, self._process, seconds=LEASE_SECONDS)
        return {one: asking for one in taken if (asking := self._asking(rows[one])) is not None}

    def _asking(self, row: ConnectionRow) -> ConnectionPoller | None:
        """Return the object that polls a connection: the same one, with its token, until the connection changes."""
        key = (row.id, row.updated_at.timestamp())
        asking = self._askings.get(key)
        if asking is not None:
            asking.resume(row.spending)
        else:
            try:
                source = self._open(row)
            except ValueError as error:
                _LOG.warning(
                    "connection_open_failed",
                    connection=ids.to_text(ids.CONNECTION, row.id),
                    source=row.source,
                    reason=str(error),
                )
                return None
            asking = self._askings[key] = self._make(row, source)
        self._askings.move_to_end(key)
        if len(self._askings) > MOST_KEPT:
            self._askings.popitem(last=False)
        return asking

    def _make(self, row: ConnectionRow, source: CarrierSource) -> ConnectionPoller:
        return ConnectionPoller(
            self._database,
            self._intake,
            row.id,
            source,
            process=self._process,
            lease_seconds=LEASE_SECONDS,
            kept=row.spending,
            slots=asyncio.Semaphore(source.calls_at_once) if isinstance(source, LimitedSource) else self._slots,
            detect=self._detect,
            pushes=row.kind == ConnectionKind.PUSH,
            speed=self._speed,
            now=self._clock,
        )

    async def _give_back(self) -> None:
        async with self._database.engine.acquire() as session:
            await connection_changes.release_connections(session, self._process)

    async def _work_off(self, asking: ConnectionPoller, stop: asyncio.Event) -> None:
        while not stop.is_set() and await asking.run_once():
            pass


def _rank(parcel: UnroutedParcel) -> int:
    return (
        rank(parcel.status, parcel.substatus)
        if parcel.asked
        else min(NEVER_ASKED, rank(parcel.status, parcel.substatus))
    )
