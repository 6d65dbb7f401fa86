"""One seed's world: a shop, its endpoints, three dispatchers and their faults, in the order of virtual time."""

import heapq
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import cast
from uuid import UUID

import asyncpg

from tests.flow.simulation import receivers
from tests.flow.simulation.asked import BrokenPromise
from tests.flow.simulation.clock import (
    EPOCH,
    Clock,
    CommitFault,
    Crash,
    VirtualServer,
    VirtualSession,
    database_of,
)
from tests.flow.simulation.dispatchers import Attempt, Flight, Process, sender_to
from tests.flow.simulation.ledger import Ledger
from tests.flow.simulation.people import People
from tests.flow.simulation.receivers import SECRET, VAULT, Receivers
from tests.flow.simulation.trouble import Trouble
from waypost.domain import ids
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.endpoints import DisabledReason, Ordering
from waypost.domain.retry import Policy
from waypost.domain.statuses import Status
from waypost.domain.trackings import Source, Update
from waypost.intake import batch
from waypost.intake.collector import Intake, IntakeUnavailable
from waypost.intake.requests import Request
from waypost.keeper.keeper import Keeper
from waypost.store import dispatchers, endpoint_changes, queue
from waypost.store.statements import Session

MOST_STEPS = 6_000

_STATUSES = (Status.INFORECEIVED, Status.TRANSIT, Status.PICKUP, Status.UNDELIVERED, Status.DELIVERED)
_EMPTY = """
delete from due; delete from settled; delete from attempt; delete from event; delete from watch; delete from tracking;
delete from endpoint_health; delete from recovery; delete from endpoint; delete from account; delete from dispatcher;
alter table dispatcher alter column number restart
"""
_LOOK = """
select (select count(*) from (select from due where ordering <> 'unordered'
                              group by bucket, tracking, endpoint having bool_and(blocked)) q) as stuck,
       (select min(greatest(next_at, leased_until)) from due where not blocked) as next_at,
       exists (select from due where resend_of is not null or sample is not null) as by_hand
"""

_BEAT = "update dispatcher set seen_at = now() where number = any ($1)"


@dataclass(order=True)
class _Planned:
    at: datetime
    order: int
    what: Callable[[], Awaitable[None]] = field(compare=False)


class World:
    """Everything that a seed decides."""

    def __init__(self, seed: int, server: VirtualServer, trouble: Trouble) -> None:
        self._chance = random.Random(seed)
        random.seed(seed)
        batch._RANDOM.seed(seed)
        self._trouble = trouble
        self._clock = Clock()
        self._work, *self._lives = server.sessions(self._clock)
        patient = self._chance.random() < 0.5
        self._policy = Policy() if patient else Policy(limit=self._chance.choice((2, 3)))
        self._cap = self._chance.choice((1, 2, 16))
        self._parcels = [f"P{number}" for number in range(12 if trouble.outage else self._chance.randint(1, 3))]
        self._account = ids.make_id(int(EPOCH.timestamp() * 1000), 0, self._chance.getrandbits(62))
        urls = [f"http://127.0.0.1:8080/{number}" for number in range(self._chance.randint(1, 3))]
        characters = {url: receivers.draw(self._chance, patient=patient, parcels=self._parcels) for url in urls}
        if trouble.outage:
            characters = {urls[0]: receivers.down_at_first(self._chance)}
        self._receivers = Receivers(self._chance, self._clock, characters)
        self._sender = sender_to(self._receivers, self._policy)
        self._ledger = Ledger(self._policy)
        self._database = database_of(self._work)
        self._intake = Intake(self._database, polled=frozenset(), hint=lambda _endpoints: None)
        self._keeper = Keeper(self._database, self._intake, history_days=30)
        self._people = People(self._chance, self._work, self._account, self._ledger, self._keeper, self._in)
        self._endpoints: list[UUID] = []
        self._known: set[UUID] = set()
        self._processes: list[Process] = []
        self._planned: list[_Planned] = []
        self._order = count()
        self._numbers = count(dispatchers.LOWEST)
        self.steps = 0

    @property
    def passed(self) -> timedelta:
        """How much virtual time it took."""
        return self._clock.now - EPOCH

    @property
    def deliveries(self) -> int:
        """How many deliveries there were."""
        return len(self._ledger.expected)

    async def run(self) -> None:
        """Let everything happen until nothing moves any more, and judge it. Raises BrokenPromise."""
        await self._begin()
        self._intake.start()
        try:
            while await self._step():
                self.steps += 1
                if self.steps > MOST_STEPS:
                    raise BrokenPromise(f"no end in sight at {self._clock.now}")
        finally:
            await self._intake.stop()
        await self._judge()

    async def _begin(self) -> None:
        await self._work.connection.execute(_EMPTY)
        for life in self._lives:
            await life.die()
        await self._work.execute(
            "insert into account (id, email, name) values ($1, $2, 'Shop')",
            self._account,
            f"{self._account.hex}@s.test",
        )
        for url in self._receivers.characters:
            self._endpoints.append(await self._add_endpoint(url))
        self._processes = [self._process(life) for life in self._lives]
        for process in self._processes:
            await process.join()
        for process in self._processes:
            await self._look(process)
        self._ledger.shared = not self._trouble.befalls_processes
        bursts = self._plan_reports()
        for endpoint in self._endpoints:
            if self._chance.random() < 0.25:
                self._plan_switches(endpoint)
        if self._chance.random() < self._trouble.people:
            self._people.plan(self._endpoints, bursts)

    def _process(self, life: VirtualSession) -> Process:
        return Process(self._work, life, self._sender, self._receivers, self._ledger, numbers=self._numbers)

    async def _add_endpoint(self, url: str) -> UUID:
        endpoint = ids.make_id(int(EPOCH.timestamp() * 1000), 0, self._chance.getrandbits(62))
        ordering = self._chance.choice((Ordering.ORDERED, Ordering.ORDERED, Ordering.LATEST, Ordering.UNORDERED))
        limit = self._chance.choice((None, None, None, 1, 2))
        await self._work.execute(
            "insert into endpoint (id, account, url, version, trigger, ordering, secret, rate_limit_per_second)"
            " values ($1, $2, $3, 'V4', 'every_update', $4, $5, $6)",
            *(endpoint, self._account, url, ordering.value),
            *(VAULT.seal(SECRET, account=self._account, endpoint=endpoint), limit),
        )
        self._ledger.orderings[endpoint] = ordering
        if limit is not None:
            self._ledger.limits[endpoint] = limit
        return endpoint

    def _plan_reports(self) -> list[datetime]:
        """Reports come in bursts: the next scan arrives while the previous one is being sent, or waits for a retry."""
        scans = [
            (parcel, scan) for parcel in self._parcels for scan in range(self._chance.randint(*self._trouble.scans))
        ]
        bursts = [
            EPOCH + timedelta(hours=self._chance.uniform(0, self._trouble.hours)) for _ in range(self._trouble.bursts)
        ]
        for parcel, scan in scans:
            at = self._chance.choice(bursts) + timedelta(seconds=self._chance.choice((0, 0.2, 15, 45, 300)))
            self._plan(at, lambda parcel=parcel, scan=scan: self._report(parcel, scan))  # type: ignore[misc]
        return bursts

    def _plan_switches(self, endpoint: UUID) -> None:
        off = EPOCH + timedelta(hours=self._chance.uniform(0, self._trouble.hours))
        self._plan(off, lambda: self._switch(endpoint, DisabledReason.USER))
        on = off + timedelta(hours=self._chance.uniform(0.001, 6))
        self._plan(on, lambda: self._switch(endpoint, None))
        if self._chance.random() < 0.5:
            self._plan(on + timedelta(minutes=1), lambda: self._people.recover(endpoint))

    def _plan(self, at: datetime, what: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self._planned, _Planned(max(at, self._clock.now), next(self._order), what))

    def _in(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        self._plan(self._clock.now + timedelta(seconds=seconds), what)

    async def _step(self) -> bool:
        """Do what comes next; False when nothing does."""
        look = await self._work.fetchrow(_LOOK)
        if look["stuck"]:
            raise BrokenPromise(f"{look['stuck']} queues have no head at {self._clock.now}")
        due_at, planned = look["next_at"], self._planned[0].at if self._planned else None
        if due_at is not None and (planned is None or max(due_at, self._clock.now) <= planned):
            able = [process for process in self._processes if process.claims]
            self._clock.now = max(due_at, self._clock.now)
            if able and await self._claim(able, by_hand=look["by_hand"]):
                return True
        if not self._planned:
            return self._nothing_moves(due_at)
        action = heapq.heappop(self._planned)
        self._clock.now = action.at
        await action.what()
        return True

    def _nothing_moves(self, due_at: datetime | None) -> bool:
        if due_at is not None:
            raise BrokenPromise(f"at {self._clock.now} something is due since {due_at} and nobody takes it")
        return False

    async def _claim(self, able: list[Process], *, by_hand: bool) -> bool:
        """Let those that are able to claim what is due, in any order; gives whether anything came of it."""
        session = cast("Session", self._work)
        due = [endpoint for endpoint, due_in in sorted((await queue.scout(session)).items()) if due_in <= 0]
        self._chance.shuffle(able)
        for process in able:
            if self._chance.random() < 0.05:
                await self._look(process)
            flights = await process.claim(due, self._cap) + (await process.claim_by_hand() if by_hand else [])
            if flights:
                await self._take_up(process, flights)
                return True
        if not all(any(process.owns(endpoint) for process in able) for endpoint in due):
            for process in able:
                await self._look(process)
            self._in(1, self._nothing)  # whoever stopped this moment is missed after some seconds
        return False

    async def _look(self, process: Process) -> None:
        """Let a process see who lives; those that work have said so this second."""
        await self._work.execute(_BEAT, [one.number for one in self._processes if one.claims])
        await process.look()

    async def _take_up(self, process: Process, flights: list[Flight]) -> None:
        for flight in flights:
            delay = 0.0 if self._chance.random() < 0.85 else self._chance.uniform(0, 40)
            self._in(delay, lambda flight=flight: self._begin_attempt(process, flight))  # type: ignore[misc]
        await self._befall(process, within_seconds=0.0)

    async def _begin_attempt(self, process: Process, flight: Flight, *, checked: bool = False) -> None:
        if not process.alive:
            return
        if process.paused_until > self._clock.now:
            stopped_after_check = self._chance.random() < 0.5
            self._plan(process.paused_until, lambda: self._begin_attempt(process, flight, checked=stopped_after_check))
            return
        if (seconds := process.wait(flight)) > 0:
            self._in(seconds + 0.001, lambda: self._begin_attempt(process, flight))
            return
        if not process.has_share(flight):
            self._in(0.5, lambda: self._begin_attempt(process, flight))
            return
        attempt = await process.begin(flight, checked=checked)
        if attempt is None:
            self._in(0, lambda: self._record(process))
            return
        self._in(attempt.reply.seconds, lambda: self._answer(process, attempt))
        await self._befall(process, within_seconds=attempt.reply.seconds)

    async def _answer(self, process: Process, attempt: Attempt) -> None:
        if not process.alive:
            return
        if process.paused_until > self._clock.now:
            self._plan(process.paused_until, lambda: self._answer(process, attempt))
            return
        if (probed_at := process.answered(attempt)) is not None:
            self._plan(probed_at, self._nothing)
        self._in(self._chance.choice((0, 0, 0.02, 0.5)), lambda: self._record(process))

    async def _record(self, process: Process) -> None:
        if not process.alive:
            return
        if process.paused_until > self._clock.now:
            self._plan(process.paused_until, lambda: self._record(process))
            return
        try:
            await process.record(self._commit_fault(Crash()))
        except Crash:
            await self._kill(process)

    def _commit_fault(self, crash: BaseException | None = None) -> CommitFault | None:
        if self._chance.random() >= self._trouble.lost_commit:
            return None
        lost = asyncpg.ConnectionDoesNotExistError("PostgreSQL went away")
        error = crash if crash is not None and self._chance.random() < 0.5 else lost
        return CommitFault(before=self._chance.random() < 0.5, error=error)

    async def _befall(self, process: Process, *, within_seconds: float) -> None:
        """Perhaps something befalls a process that is at work."""
        at = self._chance.uniform(0, within_seconds)
        trouble, number = self._trouble, self._chance.random()
        for share, what in (
            (trouble.kill, lambda: self._kill(process)),
            (trouble.pause, lambda: self._pause(process)),
            (trouble.lost_session, lambda: self._lose_session(process, 60)),
            (trouble.restart, self._restart_postgres),
        ):
            if number < share:
                self._in(at, what)
                return
            number -= share

    async def _kill(self, process: Process) -> None:
        """Kill a process; another one is started in its place."""
        if process.alive:
            await process.die()
            self._in(self._chance.choice((1, 30, 600)), lambda: self._replace(process))

    async def _replace(self, dead: Process) -> None:
        place = self._processes.index(dead)
        fresh = self._process(self._lives[place])
        self._processes[place] = fresh
        await fresh.join()
        await self._look(fresh)

    async def _pause(self, process: Process) -> None:
        until = self._clock.now + timedelta(seconds=self._chance.choice((5, 20, 60, 90, 900)))
        process.pause(until)
        self._plan(until, self._nothing)

    async def _nothing(self) -> None:
        """Let somebody look who could not before."""

    async def _lose_session(self, process: Process, longest: float) -> None:
        if process.alive:
            await process.lose_session()
            self._in(self._chance.uniform(0.1, longest), lambda: self._rejoin(process))

    async def _rejoin(self, process: Process) -> None:
        if process.alive and not process.joined:
            await process.join()
            await self._look(process)

    async def _restart_postgres(self) -> None:
        self._clock.started = self._clock.now
        for process in self._processes:
            await self._lose_session(process, 3)

    async def _report(self, parcel: str, scan: int) -> None:
        """Report a scan, again and again until it is accepted."""
        wall_time = f"{EPOCH + timedelta(hours=scan):%Y-%m-%dT%H:%M:%S}"
        status = _STATUSES[scan % len(_STATUSES)]
        checkpoint = Checkpoint(wall_time, f"Scan {scan}", checkpoint_delivery_status=status)
        request = Request(self._account, parcel, "dhl", Update(Source.API, (checkpoint,)), create=True)
        on = {row["id"] for row in await self._work.fetch("select id from endpoint where enabled")}
        self._clock.fault = self._commit_fault()
        try:
            (result,) = await self._intake.submit([request])
        except IntakeUnavailable:
            self._in(self._chance.uniform(0.1, 60), lambda: self._report(parcel, scan))
        else:
            self._ledger.accepted.update(() if result.event is None else (result.event,))
        async with self._database.engine.acquire():
            pass  # an answer may have come before its commit, which has the session
        for event, of in (await self._events()).items():
            if event not in self._known:
                self._known.add(event)
                self._ledger.event(event, *of, on)

    async def _events(self) -> dict[UUID, tuple[UUID, int]]:
        """Return each event's tracking and sequence."""
        rows = await self._work.fetch("select id, tracking, sequence from event where account = $1", self._account)
        return {row["id"]: (row["tracking"], row["sequence"]) for row in rows}

    async def _switch(self, endpoint: UUID, reason: DisabledReason | None) -> None:
        """Turn an endpoint off as the API does, or on; now and then the process dies before it has cancelled all."""
        session = cast("Session", self._work)
        await endpoint_changes.update_enabled(session, self._account, endpoint, reason)
        if reason is None:
            return
        while self._chance.random() < 0.8 and await queue.cancel_lane(session, endpoint):
            pass
        self._in(10, self._sweep)

    async def _sweep(self) -> None:
        await self._keeper.sweep(cast("Session", self._work))

    async def _judge(self) -> None:
        fetch = self._work.fetch
        gone = await fetch("select id from endpoint where updated_at > created_at")
        self._ledger.was_off |= {row["id"] for row in gone}
        settled = await fetch("select * from settled where endpoint = any ($1)", self._endpoints)
        waiting = await self._work.fetchrow("select count(*) from due")
        kept = await fetch(
            "select delivery, count(*) from attempt where delivery = any ($1) group by delivery",
            [row["id"] for row in settled],
        )
        attempts = {row["delivery"]: row["count"] for row in kept}
        self._ledger.judge(settled, waiting["count"], set(await self._events()), attempts)
