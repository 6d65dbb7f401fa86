"""Commits concurrent requests together: those that arrive while a batch is being written form the next one."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

import structlog

from waypost.intake.arrivals import Arrivals
from waypost.intake.batch import Written, write
from waypost.intake.lines import LARGEST_BATCH, Beside, Group, Lines, Once
from waypost.intake.requests import Request, Result
from waypost.intake.unread import UnreadScans
from waypost.rest import stir
from waypost.store import idempotency
from waypost.store.database import Database
from waypost.store.statements import Session, transaction
from waypost.store.trouble import LOST, REPEATABLE
from waypost.turns import Turn

_LOG: Final = structlog.get_logger()
LINGER_SECONDS: Final = 0.002
WORTH_LINGERING: Final = 50
"""Writing as many requests takes longer than lingering, so their callers hardly notice it."""
MOST_WAITING: Final = 200_000
"""The maximum requests and scans that wait or are being written, about 350 bytes each without their texts."""
MOST_WAITING_OF_ONE: Final = 100_000
"""The maximum for one account; a single larger group is accepted if nothing else of the account is waiting."""

HEAVY_SCANS: Final = 250
"""The scans of the large parcels that an account changes in a batch; merging more takes others more than some 5 ms."""
LARGE_SCANS: Final = 100
"""From this many scans on, a parcel is large. Those of usual parcels are no reason to part: many accounts have many."""
HEAVY_DELIVERIES: Final = 100
"""The deliveries of events for many endpoints that an account makes in a batch; writing more takes some 5 ms, too."""
MANY_ENDPOINTS: Final = 8
"""From this many deliveries on, an event is for many endpoints: only where the operator allows more than usual."""
HEAVY_SECONDS: Final = 10.0
"""How long an account with more of either has batches of its own."""

WRITERS: Final = 2
"""How many batches of small groups are written at a time, and as many bulk batches beside them."""

SECOND_WRITER_FROM: Final = LARGEST_BATCH // 2
"""The number of waiting requests that justifies a second writer.

With fewer, two writers would only make each batch half as large. With 100, clients that report 125 at a time had nearly
as many batches as requests, each with all its round trips.
"""

SLOW_SECONDS: Final = 0.05
"""A batch that takes longer is waiting for somebody's lock or for the disk: the others do not wait for it."""


class Overloaded(Exception):
    """More requests are waiting than can be written in good time. Nothing was accepted; try again later."""

    def __init__(self) -> None:
        super().__init__("Too many updates are waiting to be written; nothing was accepted.")


class AccountOverloaded(Overloaded):
    """The account has as much waiting as it may have. Nothing was accepted; other accounts are not affected."""


class IntakeUnavailable(Exception):
    """PostgreSQL is unavailable. Whether anything was written is unknown, but sending it again does no harm."""

    def __init__(self) -> None:
        super().__init__("The database is unavailable; send the same request again.")


class KeyConflict(Exception):
    """The idempotency key was used with a different request; nothing was changed."""


class StillRunning(Exception):
    """The first request with this idempotency key is still running."""


class Intake:
    """The entry point for updates: when a call returns, change, event and deliveries are committed together."""

    def __init__(
        self,
        database: Database,
        *,
        polled: frozenset[str],
        hint: Callable[[Iterable[UUID]], None],
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._has_room = has_room
        self._polled = polled
        self._hint = hint
        self.arrivals = Arrivals()
        self.unread = UnreadScans(database)
        self._small, self._bulks = Lines(), Lines()
        self._running: set[idempotency.Key] = set()
        self._waiting: Counter[UUID | None] = Counter()
        self._heavy_until: dict[UUID | None, float] = {}
        self._writers: dict[asyncio.Task[None], float] = {}
        self._bulk_writers: dict[asyncio.Task[None], UUID | None] = {}
        self._writing = False
        self._are_many = False
        """Whether the last batch had company: then it is worth waiting a moment for others, otherwise for nobody."""

    def start(self) -> None:
        """Start writing."""
        self._writing = True
        self._employ()

    async def stop(self) -> None:
        """Write what has been submitted, then stop."""
        while self._writers or self._bulk_writers:
            await asyncio.wait([*self._writers, *self._bulk_writers])
        self._writing = False

    async def submit(self, requests: Sequence[Request], beside: Beside | None = None) -> list[Result]:
        """Return a result for each request once all are durable. Raise Overloaded or IntakeUnavailable.

        ``beside`` is written in the same transaction, if there is any request.
        """
        if not requests:
            return []
        stir()
        return (await self._written(Group(requests, None, beside))).results

    async def submit_once(self, requests: Sequence[Request], once: Once) -> bytes:
        """Write the requests once per key, however often it is called, and return the first call's answer.

        Raise KeyConflict, StillRunning, Overloaded or IntakeUnavailable.
        """
        # A batch can hold a key once. A repetition in another process meets the key's lock in the transaction instead.
        if once.id in self._running:
            raise StillRunning
        self._running.add(once.id)
        try:
            return (await self._written(Group(requests, once))).kept or b""
        finally:
            self._running.discard(once.id)

    async def _written(self, group: Group) -> Group:
        if not self._has_room():
            raise IntakeUnavailable
        waiting = self._waiting[group.account]
        if waiting and waiting + group.weight > MOST_WAITING_OF_ONE:
            raise AccountOverloaded
        if (total := self._waiting.total()) and total + group.weight > MOST_WAITING:
            raise Overloaded
        self._waiting[group.account] += group.weight
        (self._bulks if group.is_bulk or self._is_heavy(group.account) else self._small).add(group)
        self._employ()
        # A caller that gives up must not cancel the future: the batch is written all the same, and its writer sets it.
        await asyncio.shield(group.done)
        return group

    def _employ(self) -> None:
        """Start another batch writer: the first as soon as something waits, the second if that is worthwhile."""
        if not self._writing:
            return
        loop = asyncio.get_running_loop()
        slow = any(loop.time() - began >= SLOW_SECONDS for began in self._writers.values())
        room = SECOND_WRITER_FROM if self._writers and not slow else 1
        if self._small.requests(without=self._busy()) >= room and len(self._writers) < WRITERS:
            writer = asyncio.create_task(self._write_batch())
            self._writers[writer] = loop.time()
            writer.add_done_callback(self._leave)
            loop.call_later(SLOW_SECONDS, self._employ)  # a writer that becomes slow wakes nobody
        self._employ_for_bulk()

    def _employ_for_bulk(self) -> None:
        """Start another bulk writer: for an account without one, or for the same account if nobody else is waiting."""
        if len(self._bulk_writers) >= WRITERS:
            return
        batch = self._bulks.take_bulk(without=self._busy()) or self._bulks.take_bulk()
        if batch:
            writer = asyncio.create_task(self._write_groups(batch))
            self._bulk_writers[writer] = batch[0].account
            writer.add_done_callback(self._leave)

    def _busy(self) -> set[UUID | None]:
        """Return the accounts that have a bulk batch being written: another batch would wait for its locks."""
        return set(self._bulk_writers.values())

    def _leave(self, writer: asyncio.Task[None]) -> None:
        self._writers.pop(writer, None)
        self._bulk_writers.pop(writer, None)
        self._employ()

    async def _write_batch(self) -> None:
        waiting = self._small.requests()
        if (self._are_many or waiting >= WORTH_LINGERING) and waiting < LARGEST_BATCH:
            await asyncio.sleep(LINGER_SECONDS)
        batch = self._small.take_batch(without=self._busy())
        self._are_many = len(batch) > 1
        await self._write_groups(batch)

    async def _write_groups(self, batch: list[Group]) -> None:
        try:
            if batch:
                await self._write(batch)
        except Exception:  # noqa: BLE001 - the next batches are written, whatever happened to this one
            _LOG.exception("batch_crashed", groups=len(batch))
        finally:
            for group in batch:
                self._waiting[group.account] -= group.weight
                if not self._waiting[group.account]:
                    del self._waiting[group.account]
                group.end(IntakeUnavailable())  # callers that got no answer must not wait for ever

    async def _write(self, batch: list[Group]) -> None:
        """Write a batch. If it fails, write each caller's requests alone, so that no caller can fail the others."""
        try:
            endpoints = await self._commit(batch)
        except LOST:
            for group in batch:
                group.end(IntakeUnavailable())
        except Exception as error:  # noqa: BLE001 - whatever it is, its caller has to get it
            if len(batch) == 1:
                batch[0].end(error)
                return
            _LOG.warning("batch_failed", groups=len(batch), error=repr(error))
            for group in batch:
                await self._write([group])
        else:
            self._hint(endpoints)  # not before the commit: a dispatcher that looked then would find nothing
            self.arrivals.announce({account for group in batch for account in group.with_news()})
            self._note_heavy(batch)
            for group in batch:
                group.end()
            for group in batch:
                await self._note_unread(group)

    def _is_heavy(self, account: UUID | None) -> bool:
        """Return whether an account's small groups are written apart, since they are much work."""
        return self._heavy_until.get(account, 0.0) > asyncio.get_running_loop().time()

    def _note_heavy(self, batch: list[Group]) -> None:
        """Note the accounts whose large parcels or many endpoints made a batch slow; their reports may be small."""
        work: defaultdict[UUID | None, float] = defaultdict(float)
        for group in batch:
            if not group.is_bulk:
                work[group.account] += sum(map(_heavy_work, group.results))
        now = asyncio.get_running_loop().time()
        for account, share in work.items():
            if share > 1:
                self._heavy_until[account] = now + HEAVY_SECONDS
        for account in [account for account, until in self._heavy_until.items() if until <= now]:
            del self._heavy_until[account]

    async def _note_unread(self, group: Group) -> None:
        turn = Turn(group.account)
        answered = zip(group.requests, group.results, strict=False)  # a rejected one has no results
        for request, result in answered:
            if request.update is not None and (result.unread or request.update.skipped):
                source = request.adapter or request.update.source.value
                for scan in result.unread:
                    await turn.pause()
                    self.unread.note(request.account, source, scan)
                self.unread.note_skipped(source, request.update.skipped)

    async def _commit(self, batch: list[Group]) -> frozenset[UUID]:
        """Write in one transaction, again if PostgreSQL asks for that; return the endpoints that have something due."""
        while True:
            try:
                async with self._database.engine.acquire() as session, transaction(session):
                    refused = await _take_keys(session, batch)
                    groups = [group for group in batch if group not in refused]
                    written = await write(session, [one for group in groups for one in group.requests], self._polled)
                    _share(groups, written)
                    await _write_beside(session, groups)
            except REPEATABLE as error:
                _LOG.warning("batch_retried", error=repr(error))
            else:
                for group, why in refused.items():
                    group.end(why)
                return written.endpoints


def _heavy_work(result: Result) -> float:
    """Return how much work that others would wait for a result was, as a share of what a batch may have of it."""
    scans = result.scans if result.scans >= LARGE_SCANS else 0
    deliveries = result.deliveries if result.deliveries >= MANY_ENDPOINTS else 0
    return scans / HEAVY_SCANS + deliveries / HEAVY_DELIVERIES


async def _take_keys(session: Session, batch: list[Group]) -> dict[Group, Exception | None]:
    """Return the groups that are not written, each with the reason; None if its answer is already known."""
    once = {group.once.id: group for group in batch if group.once is not None}
    if not once:
        return {}
    taken = {key: group.once.digest for key, group in once.items() if group.once is not None}
    known = await idempotency.take(session, taken)
    refused: dict[Group, Exception | None] = {}
    for key, found in known.items():
        group = once[key]
        if found.answer is None:
            refused[group] = StillRunning()
        elif found.request != taken[key]:
            refused[group] = KeyConflict()
        else:
            group.kept, refused[group] = found.answer, None
    return refused


def _share(groups: list[Group], written: Written) -> None:
    results = iter(written.results)
    for group in groups:
        group.results = [next(results) for _ in group.requests]


async def _write_beside(session: Session, groups: list[Group]) -> None:
    """Write what belongs to the results: answers under idempotency keys, and what callers write beside."""
    answers = {}
    for group in groups:
        if group.beside is not None:
            await group.beside(session, group.results)
        if group.once is not None:
            group.kept = group.once.answer(group.results)
            answers[group.once.id] = group.kept
    if answers:
        await idempotency.answer(session, answers)
