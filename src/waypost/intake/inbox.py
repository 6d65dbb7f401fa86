"""Stores pushes before they are answered: those that arrive while others are being written are written together next.

An account in whose inbox too much is waiting is refused; others are not affected. Refused pushes are noted a little
later, a few of each connection, so that somebody who has an address but no secret can't fill the table.
"""

import asyncio
import os
import random
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.domain import ids
from waypost.domain.connections import ConnectionState
from waypost.domain.inbound import LARGEST_PUSH, PushResult
from waypost.intake.collector import AccountOverloaded, IntakeUnavailable, Overloaded
from waypost.rest import until_next_look
from waypost.store import inbound, inbound_changes
from waypost.store.database import Database
from waypost.store.inbound_changes import KeptPush, PushHealth, PushOutcome
from waypost.store.intake_rows import now
from waypost.store.statements import Session, transaction
from waypost.store.trouble import LOST

_LOG: Final = structlog.get_logger()
LINGER_SECONDS: Final = 0.002
LARGEST_BATCH: Final = 500
LARGEST_BATCH_BYTES: Final = 8 * LARGEST_PUSH
MOST_BYTES: Final = 64 * LARGEST_PUSH
"""The maximum bytes of pushes that wait to be written, of all accounts."""
MOST_BYTES_OF_ONE: Final = 8 * LARGEST_PUSH

MOST_UNREAD: Final = 20_000
"""The maximum pushes of an account that wait to be read; it is counted every ``LOOK_SECONDS``."""
MOST_UNREAD_BYTES: Final = 256 << 20
LOOK_SECONDS: Final = 1.0
MOST_REFUSED: Final = 10
"""The maximum refused pushes of a connection that are noted every ``LOOK_SECONDS``: its page shows no more."""
MOST_REFUSING: Final = 1_000

PUSHED: Final[Counter[tuple[str, PushResult]]] = Counter()
"""How many pushes this process has refused or read, by source and result."""

_RANDOM: Final = random.Random(os.urandom(32))  # noqa: S311 - ids must be unique, not secret


class Arrival(msgspec.Struct, frozen=True):
    """A push that was verified; ``push`` is sealed, ``size`` the length of its body."""

    account: UUID
    connection: UUID
    source: str
    size: int
    push: bytes


class RefusedPush(msgspec.Struct, frozen=True):
    """A push that its sender did not authenticate, and what was wrong."""

    account: UUID
    connection: UUID
    source: str
    reason: str


class _Line:
    """The arrivals of one account that wait to be written, each with the future that its caller awaits."""

    def __init__(self) -> None:
        self.arrivals: deque[tuple[Arrival, asyncio.Future[None]]] = deque()


class Inbox:
    """The entry point for pushes: when ``keep`` returns, the push is committed.

    ``arrived`` is set whenever pushes were stored by this process; whoever reads them clears it.
    """

    def __init__(self, database: Database, *, has_room: Callable[[], bool] = lambda: True) -> None:
        self._database = database
        self._has_room = has_room
        self._lines: OrderedDict[UUID, _Line] = OrderedDict()
        self._bytes: Counter[UUID] = Counter()
        self._writer: asyncio.Task[None] | None = None
        self._crowded: frozenset[UUID] = frozenset()
        self._refused: dict[UUID, deque[RefusedPush]] = {}
        self.arrived = asyncio.Event()

    async def keep(self, arrival: Arrival) -> None:
        """Return once a push is durable. Raise Overloaded, AccountOverloaded or IntakeUnavailable."""
        if not self._has_room():
            raise IntakeUnavailable
        waiting = self._bytes[arrival.account]
        if arrival.account in self._crowded or (waiting and waiting + arrival.size > MOST_BYTES_OF_ONE):
            raise AccountOverloaded
        if (total := self._bytes.total()) and total + arrival.size > MOST_BYTES:
            raise Overloaded
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._bytes[arrival.account] += arrival.size
        self._lines.setdefault(arrival.account, _Line()).arrivals.append((arrival, done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        await asyncio.shield(done)

    def refuse(self, refused: RefusedPush) -> None:
        """Remember a refused push, so that its connection's page can explain it."""
        PUSHED[refused.source, PushResult.REFUSED] += 1
        known = self._refused.get(refused.connection)
        if known is None:
            if len(self._refused) >= MOST_REFUSING:
                return
            known = self._refused[refused.connection] = deque(maxlen=MOST_REFUSED)
        known.append(refused)

    async def serve(self, stop: asyncio.Event) -> None:
        """Note refused pushes and count what waits, until ``stop`` is set. Raise when PostgreSQL is unavailable."""
        while not stop.is_set():
            await self.look()
            await until_next_look(stop, LOOK_SECONDS)
        await self.look()

    async def look(self) -> None:
        """Write what was refused, and find the accounts that have too much waiting."""
        async with self._database.engine.acquire() as session:
            if self._refused:
                await self._note_refused(session)
            self._crowded = await inbound.crowded(session, pushes=MOST_UNREAD, size=MOST_UNREAD_BYTES)

    async def _note_refused(self, session: Session) -> None:
        refused, self._refused = self._refused, {}
        async with transaction(session):
            at = await now(session)
            calls = [
                PushOutcome(_identifier(at, place), one.account, one.connection, PushResult.REFUSED, None, one.reason)
                for place, one in enumerate(one for several in refused.values() for one in several)
            ]
            await inbound_changes.insert_calls(session, calls)
            health = [
                PushHealth(connection, ConnectionState.REFUSED, several[-1].reason)
                for connection, several in sorted(refused.items())
            ]
            await inbound_changes.update_push_health(session, health)

    async def _write_all(self) -> None:
        try:
            while self._lines:
                await asyncio.sleep(LINGER_SECONDS)
                await self._write(self._take())
        finally:
            self._writer = None

    def _take(self) -> list[tuple[Arrival, asyncio.Future[None]]]:
        """Return and remove the next batch: one push of each account in turn."""
        batch: list[tuple[Arrival, asyncio.Future[None]]] = []
        size = 0
        while self._lines and len(batch) < LARGEST_BATCH:
            account, line = next(iter(self._lines.items()))
            size += line.arrivals[0][0].size
            if batch and size > LARGEST_BATCH_BYTES:
                break
            batch.append(line.arrivals.popleft())
            if line.arrivals:
                self._lines.move_to_end(account)
            else:
                del self._lines[account]
        return batch

    async def _write(self, batch: list[tuple[Arrival, asyncio.Future[None]]]) -> None:
        error: Exception | None = None
        try:
            await self._store([arrival for arrival, _ in batch])
        except LOST:
            error = IntakeUnavailable()
        except Exception as unexpected:  # noqa: BLE001 - its callers get an answer, and the next batch is written
            _LOG.exception("pushes_not_stored", pushes=len(batch))
            error = unexpected
        for arrival, done in batch:
            self._bytes[arrival.account] -= arrival.size
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
        self._bytes += Counter()  # drops accounts that have nothing waiting
        self.arrived.set()

    async def _store(self, arrivals: list[Arrival]) -> None:
        async with self._database.engine.acquire() as session, transaction(session):
            at = await now(session)
            kept = [
                KeptPush(_identifier(at, place), one.account, one.connection, one.source, one.size, one.push)
                for place, one in enumerate(arrivals)
            ]
            await inbound_changes.insert_pushes(session, kept)


def _identifier(at: int, place: int) -> UUID:
    """Return an id that sorts after those of earlier places in the batch."""
    return ids.make_id(at, 0, place << 46 | _RANDOM.getrandbits(46))
