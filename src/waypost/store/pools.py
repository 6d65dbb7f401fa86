"""A pool of sessions with time limits both for getting one and for returning one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from asyncpg import InterfaceError, Pool
from asyncpg.pool import PoolConnectionProxy

from waypost.store.outage import Outage
from waypost.store.statements import Session, break_off, is_gone
from waypost.store.trouble import LOST, NO_OUTAGE, OF_GOOD_SESSIONS, TimedOut, Unreachable, trouble_of

RELEASE_SECONDS: Final = 2.0


class SessionPool:
    """Sessions of one kind. ``wait_seconds`` is how long to wait for one.

    The ``outage`` is told about errors of sessions, and ``expire`` is called: others may be as useless.
    """

    def __init__(
        self, pool: Pool, outage: Outage, *, wait_seconds: float, expire: Callable[[], Awaitable[None]]
    ) -> None:
        self._pool = pool
        self._outage = outage
        self._wait = wait_seconds
        self._expire = expire

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Session]:
        """Lend a session. Raise an error of ``LOST`` if none is available, or if it is lost meanwhile."""
        session = await self._take()
        try:
            yield session
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
            await self._give_back(session)

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

    async def _take(self) -> PoolConnectionProxy:
        try:
            return await self._pool.acquire(timeout=self._wait)
        except LOST as error:
            self._outage.found(error)
            raise
        except InterfaceError as error:  # the pool is being closed
            raise self._unreachable(error) from error
        except TimeoutError:
            late = TimedOut("no connection became free in time")
            self._outage.found(late)
            raise late from None

    def _unreachable(self, error: InterfaceError) -> Unreachable:
        lost = Unreachable(*error.args)
        self._outage.found(lost)
        return lost

    async def _give_back(self, session: PoolConnectionProxy) -> None:
        with suppress(*LOST, InterfaceError, TimeoutError):  # it is closed then
            await self._pool.release(session, timeout=RELEASE_SECONDS)
