"""Reads stored pushes: in the order of their arrival for each account, and accounts in turn.

A push ends in the transaction that carries out what it says, so a crash neither loses one nor carries it out twice.
One process of an installation reads at a time. If the session that holds its lock breaks, a second may read for a
moment, too: carrying out a push again changes nothing, since merging is idempotent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Final
from uuid import UUID

import msgspec
import structlog

from waypost.domain import ids
from waypost.domain.carriers import CarrierUnavailable, CarrierUnreadable
from waypost.domain.connections import ConnectionState
from waypost.domain.inbound import LARGEST_PUSH, MOST_PARCELS, Contents, Push, PushResult
from waypost.intake.cancelling import archive_shipment
from waypost.intake.collector import Intake, IntakeUnavailable, Overloaded
from waypost.intake.inbox import PUSHED, Inbox
from waypost.intake.push_requests import Reader, Resolved
from waypost.rest import set_within, until_next_look
from waypost.store import duties, inbound, inbound_changes
from waypost.store.database import Database
from waypost.store.ending import end
from waypost.store.inbound import ReadPush
from waypost.store.inbound_changes import PushHealth, PushOutcome
from waypost.store.statements import Session, is_gone, transaction
from waypost.store.trouble import LOST
from waypost.turns import ASIDE_FROM_BYTES, Turn, aside

_LOG: Final = structlog.get_logger()
DUTY: Final = 20
"""Its number among the duties that one process does at a time."""
LOOK_SECONDS: Final = 0.5
"""How long a push of another process waits at most; one of this process is read at once."""
LINGER_SECONDS: Final = 0.02
"""How long a push waits for others, with which it is carried out: alone, it takes three times the processor time."""
TURN_SECONDS: Final = 2.0
"""How often the others try to take over."""
ACCOUNTS_AT_ONCE: Final = 8
PORTION: Final = 64
"""The maximum pushes of an account in its turn; they are carried out together."""
PORTION_BYTES: Final = 2 * LARGEST_PUSH
BUSY_SECONDS: Final = 0.2
_FIRST: Final = UUID(int=0)
_NO_WAIT: Final = timedelta(0)


class OpenedPush(msgspec.Struct, frozen=True):
    """A push and what it says; without ``contents`` it can't be read, for the ``reason``."""

    push: ReadPush
    contents: Contents | None
    reason: str | None = None
    sample: str | None = None


class PushReader:
    """Reads the pushes of one installation.

    ``open_push`` returns a stored push; it raises ValueError, worded for its owner, if it can't be opened. ``read``
    returns what a push of a source says, given when it arrived (Unix milliseconds); it raises CarrierUnreadable.
    """

    def __init__(
        self,
        database: Database,
        intake: Intake,
        inbox: Inbox,
        *,
        open_push: Callable[[ReadPush], Push],
        read: Reader,
        detect: Callable[[str], Sequence[str]],
        may_register: Callable[[UUID], Awaitable[bool]],
    ) -> None:
        self._database = database
        self._intake = intake
        self._inbox = inbox
        self._open = open_push
        self._read = read
        self._detect = detect
        self._may_register = may_register
        self._after = _FIRST

    async def serve(self, stop: asyncio.Event) -> None:
        """Read until ``stop`` is set, whenever no other process does. Raise when PostgreSQL is unavailable."""
        while not stop.is_set():
            async with (
                self._database.holding.acquire() as session,
                duties.duty(session, DUTY, every=_NO_WAIT) as taken,
            ):
                if taken:
                    await self._work(session, stop)
            await set_within(stop, TURN_SECONDS)

    async def run_once(self) -> int:
        """Read a portion of every account that has pushes waiting, and return how many were read or put aside."""
        done, self._after = 0, _FIRST
        while accounts := await self._next_accounts(ACCOUNTS_AT_ONCE):
            done += sum([await self.read_portion(account) for account in accounts])
            self._after = accounts[-1]
        return done

    async def _work(self, session: Session, stop: asyncio.Event) -> None:
        running: dict[UUID, asyncio.Task[int]] = {}
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set() and not is_gone(session):
                self._inbox.arrived.clear()
                await self._begin(running)
                looking = asyncio.create_task(until_next_look(self._inbox.arrived, LOOK_SECONDS))
                await asyncio.wait({stopping, looking, *running.values()}, return_when=asyncio.FIRST_COMPLETED)
                if self._inbox.arrived.is_set():
                    await asyncio.sleep(LINGER_SECONDS)
                await end(looking)
                for account in [account for account, task in running.items() if task.done()]:
                    running.pop(account).result()
            await asyncio.gather(*running.values())
        finally:
            stopping.cancel()
            await end(*running.values())

    async def _begin(self, running: dict[UUID, asyncio.Task[int]]) -> None:
        """Start reading a portion of each of the next accounts."""
        free = ACCOUNTS_AT_ONCE - len(running)
        if not free:
            return
        accounts = await self._next_accounts(free + len(running))
        if len(accounts) < free + len(running) and self._after != _FIRST:
            self._after = _FIRST
            accounts = list(dict.fromkeys([*accounts, *await self._next_accounts(free + len(running))]))
        for account in [account for account in accounts if account not in running][:free]:
            running[account] = asyncio.create_task(self._take_turn(account))
            self._after = account

    async def _next_accounts(self, most: int) -> list[UUID]:
        async with self._database.engine.acquire() as session:
            return await inbound.accounts_waiting(session, self._after, most)

    async def _take_turn(self, account: UUID) -> int:
        try:
            return await self.read_portion(account)
        except (Overloaded, IntakeUnavailable) as error:
            _LOG.warning("pushes_postponed", account=ids.to_text(ids.ACCOUNT, account), reason=str(error))
            await asyncio.sleep(BUSY_SECONDS)
            return 0

    async def read_portion(self, account: UUID) -> int:
        """Read the oldest pushes of an account; return how many were read or put aside."""
        async with self._database.engine.acquire() as session:
            waiting = await inbound.waiting(session, account, PORTION)
            pushes = await inbound.find(session, _within(waiting)) if waiting else []
            settings = await inbound.settings_of(session, {one.connection for one in pushes})
        turn, opened = Turn(account), []
        for push in pushes:
            size = len(push.push)
            if size < ASIDE_FROM_BYTES:
                await turn.pause()
            opened.append(await aside(partial(self._look_into, push, settings.get(push.connection, {})), size=size))
        await self._put_aside([one for one in opened if one.contents is None])
        readable = [one for one in opened if one.contents is not None]
        # In their order: a shipment may be registered and cancelled by pushes that arrive together.
        for _, some in groupby(readable, lambda one: one.contents is not None and one.contents.cancels):
            for portion in _portions(list(some)):
                await self._carry_out(account, portion, settings)
        await self._note_health(opened)
        return len(opened)

    def _look_into(self, push: ReadPush, settings: Mapping[str, str]) -> OpenedPush:
        try:
            opened = msgspec.structs.replace(self._open(push), settings=settings)
            contents = self._read(push.source, opened, ids.made_at(push.id))
        except CarrierUnreadable as error:
            return OpenedPush(push, None, str(error), error.sample)
        except (CarrierUnavailable, ValueError) as error:
            return OpenedPush(push, None, str(error))
        except Exception:  # noqa: BLE001 - a sender's odd push must not end the loop, nor hold up the others
            _LOG.exception("push_reading_failed", source=push.source)
            return OpenedPush(push, None, "an error occurred while it was read; the server's log has the details")
        return OpenedPush(push, contents)

    async def _put_aside(self, opened: Sequence[OpenedPush]) -> None:
        if opened:
            calls = [_call(one.push, PushResult.UNREADABLE, one.reason) for one in opened]
            PUSHED.update((one.push.source, PushResult.UNREADABLE) for one in opened)
            async with self._database.engine.acquire() as session, transaction(session):
                await inbound_changes.mark_unreadable(session, calls)

    async def _carry_out(
        self, account: UUID, opened: Sequence[OpenedPush], settings: dict[UUID, dict[str, str]]
    ) -> None:
        """Carry out what pushes say; one that intake can't accept is found by trying each separately."""
        if not opened:
            return
        try:
            await self._submit(account, opened, settings)
        except (Overloaded, IntakeUnavailable, *LOST):
            raise
        except Exception:  # noqa: BLE001 - whatever it is, the others of the account are carried out
            if len(opened) == 1:
                _LOG.exception("push_failed", source=opened[0].push.source)
                reason = "what it says could not be stored; the server's log has the details"
                await self._put_aside([OpenedPush(opened[0].push, None, reason)])
                return
            for one in opened:
                await self._carry_out(account, [one], settings)

    async def _submit(self, account: UUID, opened: Sequence[OpenedPush], settings: dict[UUID, dict[str, str]]) -> None:
        pushes = [(one.push, one.contents) for one in opened if one.contents is not None]
        resolved = Resolved(account, pushes, archived=await self._archive(pushes))
        async with self._database.engine.acquire() as session:
            await resolved.look_up(session)
        may_register = resolved.wants_to_register(settings) and await self._may_register(account)
        requests = await resolved.requests(settings, self._detect, may_register=may_register)
        if requests:
            await self._intake.submit(requests, resolved.write)
        else:
            async with self._database.engine.acquire() as session, transaction(session):
                await resolved.write(session, [])
        for source, became in resolved.results:
            PUSHED[source, became] += 1

    async def _archive(self, pushes: Sequence[tuple[ReadPush, Contents]]) -> set[UUID]:
        """Archive the parcels of cancelled shipments, and return the pushes that ended any."""
        return {
            push.id
            for push, contents in pushes
            if contents.shipment is not None
            and contents.cancels
            and await archive_shipment(self._database, push.account, push.connection, contents.shipment.id)
        }

    async def _note_health(self, opened: Sequence[OpenedPush]) -> None:
        latest = {one.push.connection: one for one in opened}
        health = [
            PushHealth(connection, ConnectionState.WORKS)
            if one.contents is not None
            else PushHealth(connection, ConnectionState.UNREADABLE, one.reason, one.sample)
            for connection, one in sorted(latest.items())
        ]
        if health:
            async with self._database.engine.acquire() as session:
                await inbound_changes.update_push_health(session, health)


def _within(waiting: Sequence[inbound.WaitingPush]) -> list[UUID]:
    """Return the first ones, at least one, whose bodies are at most ``PORTION_BYTES`` together."""
    chosen, size = [waiting[0].id], waiting[0].size
    for one in waiting[1:]:
        size += one.size
        if size > PORTION_BYTES:
            break
        chosen.append(one.id)
    return chosen


def _portions(opened: Sequence[OpenedPush]) -> Iterator[list[OpenedPush]]:
    """Yield the pushes in portions of at most ``MOST_PARCELS`` parcels, at least one push each."""
    portion, parcels = list[OpenedPush](), 0
    for one in opened:
        parcels += 0 if one.contents is None else len(one.contents.told)
        if portion and parcels > MOST_PARCELS:
            yield portion
            portion, parcels = [], 0 if one.contents is None else len(one.contents.told)
        portion.append(one)
    if portion:
        yield portion


def _call(push: ReadPush, became: PushResult, detail: str | None) -> PushOutcome:
    return PushOutcome(push.id, push.account, push.connection, became, None, detail)
