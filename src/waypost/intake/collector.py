"""Concurrent requests are committed together: what arrives while a batch is being written makes the next one."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

import structlog

from waypost.intake.batch import Request, Result, Written, write
from waypost.store.database import Database
from waypost.store.statements import REPEATABLE

_LOG: Final = structlog.get_logger()
LINGER_SECONDS: Final = 0.002
LARGEST_BATCH: Final = 500
MOST_WAITING: Final = 20_000
WRITERS: Final = 2


class Overloaded(Exception):  # noqa: N818 - a state, answered with 503
    """More is waiting than can be written in good time: nothing was accepted, come again."""


class _Group:
    """The requests of one caller, answered together."""

    __slots__ = ("answer", "requests")

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.answer: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()


class Intake:
    """The way in. ``submit`` returns when change, event and deliveries are committed and fsynced, together."""

    def __init__(self, database: Database, *, polled: frozenset[str], hint: Callable[[Iterable[UUID]], None]) -> None:
        self._database = database
        self._polled = polled
        self._hint = hint
        self._groups: deque[_Group] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()
        self._writers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to write."""
        self._writers = [asyncio.create_task(self._write_batches()) for _ in range(WRITERS)]

    async def stop(self) -> None:
        """Write what has been submitted, then end."""
        while self._waiting and not all(writer.done() for writer in self._writers):
            await asyncio.wait([group.answer for group in self._groups] or self._writers, timeout=0.1)
        for writer in self._writers:
            writer.cancel()
        await asyncio.gather(*self._writers, return_exceptions=True)

    async def submit(self, requests: Sequence[Request]) -> list[Result]:
        """Give a result for each request once all are durable; Overloaded when too much is waiting."""
        if not requests:
            return []
        if self._waiting + len(requests) > MOST_WAITING:
            raise Overloaded
        group = _Group(requests)
        self._waiting += len(requests)
        self._groups.append(group)
        self._arrived.set()
        return await asyncio.shield(group.answer)

    async def _write_batches(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(LINGER_SECONDS)
            batch = self._take()
            if batch:
                await self._write(batch)
                self._waiting -= sum(len(group.requests) for group in batch)

    def _take(self) -> list[_Group]:
        batch: list[_Group] = []
        size = 0
        while self._groups and (not batch or size + len(self._groups[0].requests) <= LARGEST_BATCH):
            group = self._groups.popleft()
            size += len(group.requests)
            batch.append(group)
        if not self._groups:
            self._arrived.clear()
        return batch

    async def _write(self, batch: list[_Group]) -> None:
        """Write a batch; when it fails write each caller's requests alone, so that one can't fail the others."""
        try:
            written = await self._commit([request for group in batch for request in group.requests])
        except Exception as error:  # noqa: BLE001 - whatever it is, its caller has to hear it
            if len(batch) == 1:
                _fail(batch[0], error)
                return
            _LOG.warning("batch_failed", groups=len(batch), error=repr(error))
            for group in batch:
                await self._write([group])
            return
        self._hint(written.endpoints)
        results = iter(written.results)
        for group in batch:
            mine = [next(results) for _ in group.requests]
            if not group.answer.done():
                group.answer.set_result(mine)

    async def _commit(self, requests: list[Request]) -> Written:
        while True:
            try:
                async with self._database.engine.acquire() as session:
                    return await write(session, requests, self._polled)
            except REPEATABLE as error:
                _LOG.warning("batch_repeated", error=repr(error))


def _fail(group: _Group, error: Exception) -> None:
    if not group.answer.done():
        group.answer.set_exception(error)
