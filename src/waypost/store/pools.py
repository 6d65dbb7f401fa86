"""A pool of sessions with time limits both for getting one and for returning one, that shrinks on a crowded server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from uuid import UUID

from asyncpg import InterfaceError, Pool, TooManyConnectionsError
from asyncpg.pool import PoolConnectionProxy

from waypost.store.allowances import Allowance
from waypost.store.outage import Outage
from waypost.store.statements import Session, break_off, is_gone
from waypost.store.trouble import LOST, NO_OUTAGE, OF_GOOD_SESSIONS, TimedOut, Unreachable, trouble_of
from waypost.turns import account_of_call, give_way

RELEASE_SECONDS: Final = 2.0
SPARE: Final = 3
"""How many connections of the server all processes together leave free, for one that has none yet."""
CROWDED_SECONDS: Final = 8.0
"""How long a pool without any session waits for the others to shrink, which they do within five seconds."""
LOOK_SECONDS: Final = 0.25


class SessionPool:
    """Sessions of one kind. ``wait_seconds`` is how long to wait for one.

    Errors of sessions are reported to the ``outage``, and ``expire`` is called, because others may be unusable too.
    While the server has too few connections, the pool makes do with fewer, and its users take turns. ``by_account``:
    sessions are lent to accounts in turn, and one account leaves some to others.
    """

    def __init__(
        self,
        pool: Pool,
        outage: Outage,
        *,
        wait_seconds: float,
        expire: Callable[[], Awaitable[None]],
        least: int = 1,
        by_account: bool = False,
    ) -> None:
        self._pool = pool
        self._outage = outage
        self._wait = wait_seconds
        self._expire = expire
        self._allowance = Allowance(pool.get_max_size(), least)
        self._by_account = by_account
        self._returning: set[asyncio.Task[None]] = set()

    @property
    def size(self) -> int:
        """How many sessions it has."""
        return self._pool.get_size()

    @property
    def is_shrunk(self) -> bool:
        """Whether it may have fewer sessions than it was made for."""
        return self._allowance.now < self._allowance.most

    async def fit(self, free: int) -> None:
        """Shrink by half if the server has fewer than ``SPARE`` connections free, grow a little if it has many."""
        allowance = self._allowance
        if free > 2 * SPARE:
            allowance.change(allowance.now + max(1, free // 8))
        elif free < SPARE:
            allowance.change(min(allowance.now, self._pool.get_size()) // 2)
            while self._pool.get_size() > allowance.now and self._pool.get_idle_size():
                await self._release(await self._pool.acquire())  # which closes it

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Session]:
        """Lend a session. Raise an error of ``LOST`` if none is available, or if it is lost meanwhile."""
        account = account_of_call() if self._by_account else None
        session = await self._take(account)
        went_well = False
        try:
            yield session
            went_well = True
        except NO_OUTAGE:
            raise
        except (*LOST, TimeoutError) as error:
            self._outage.found(error)
            if trouble_of(error) not in OF_GOOD_SESSIONS:
                break_off(session)  # it may still exist, but be frozen, or of a server that is a standby now
                await self._expire()
            if isinstance(error, TimeoutError):
                raise TimedOut("PostgreSQL did not answer in time") from error
            raise
        except InterfaceError as error:
            if not is_gone(session):
                raise  # the caller misused the driver; the database is not at fault
            raise self._unreachable(error) from error
        finally:
            if went_well:  # then there is nothing to wait for, and a task would only cost time
                await self._give_back(session, account)
            else:
                await self._give_back_whatever_happens(session, account)
        if account is not None:
            await give_way()  # before what was read is turned into an answer

    async def fetch(self, text: str, *arguments: object) -> Any:
        """Run one statement and return its rows."""
        async with self.acquire() as session:
            return await session.fetch(text, *arguments)

    async def fetchrow(self, text: str, *arguments: object) -> Any:
        """Run one statement and return its first row, or None."""
        async with self.acquire() as session:
            return await session.fetchrow(text, *arguments)

    async def fetchval(self, text: str, *arguments: object) -> Any:
        """Run one statement and return the first value of its first row, or None."""
        async with self.acquire() as session:
            return await session.fetchval(text, *arguments)

    async def execute(self, text: str, *arguments: object) -> Any:
        """Run one statement for its effect."""
        async with self.acquire() as session:
            return await session.execute(text, *arguments)

    async def _take(self, account: UUID | None) -> PoolConnectionProxy:
        try:
            async with asyncio.timeout(self._wait):
                return await self._take_in_turn(account)
        except LOST as error:
            self._outage.found(error)
            raise
        except InterfaceError as error:  # the pool is being closed
            raise self._unreachable(error) from error
        except TimeoutError:
            late = TimedOut("no connection became free in time")
            self._outage.found(late)
            raise late from None

    async def _take_in_turn(self, account: UUID | None) -> PoolConnectionProxy:
        until = asyncio.get_running_loop().time() + CROWDED_SECONDS
        while True:
            await self._allowance.take(account)
            try:
                return await self._pool.acquire()
            except TooManyConnectionsError as error:
                self._allowance.leave(account)
                if size := self._pool.get_size():
                    self._allowance.change(size)  # and so wait for one of them
                else:
                    self._outage.found(error)
                if asyncio.get_running_loop().time() > until:
                    raise
            except BaseException:
                self._allowance.leave(account)
                raise
            await asyncio.sleep(LOOK_SECONDS)

    def _unreachable(self, error: InterfaceError) -> Unreachable:
        lost = Unreachable(*error.args)
        self._outage.found(lost)
        return lost

    async def _give_back_whatever_happens(self, session: PoolConnectionProxy, account: UUID | None) -> None:
        """Return a session even if the caller is cancelled meanwhile: the driver goes on, so somebody has to wait.

        Otherwise the loop logs the driver's error as one that nobody handles.
        """
        returning = asyncio.create_task(self._give_back(session, account))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)
        await asyncio.shield(returning)

    async def _give_back(self, session: PoolConnectionProxy, account: UUID | None) -> None:
        try:
            with suppress(*LOST, InterfaceError, TimeoutError):  # it is closed then
                await self._release(session)
        finally:
            self._allowance.leave(account)

    async def _release(self, session: PoolConnectionProxy) -> None:
        idle = None
        try:
            if self._pool.get_size() > self._allowance.now:
                # The driver's pool lends what was returned last, be it closed. So an idle session is returned after it.
                if self._pool.get_idle_size():
                    with suppress(*LOST, TimeoutError):
                        idle = await self._pool.acquire(timeout=RELEASE_SECONDS)
                break_off(session)
        finally:
            try:
                if idle is not None:
                    await self._pool.release(idle, timeout=RELEASE_SECONDS)
            finally:
                await self._pool.release(session, timeout=RELEASE_SECONDS)
