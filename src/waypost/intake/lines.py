"""The queue in front of intake: a line of groups per account, from which batches take accounts in turn."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.intake.requests import Request, Result
from waypost.store import idempotency
from waypost.store.statements import Session

LARGEST_BATCH: Final = 500
"""The maximum requests of a batch."""
LARGEST_SHARE: Final = 64
"""The maximum requests of one account in a batch with others, whose answers wait for its large parcels."""

_NOBODY: Final = UUID(int=0)

BULK_REQUESTS: Final = 200
BULK_WEIGHT: Final = 2_500
"""A group above either limit is a batch of its own, so that nobody else waits for it."""

Beside = Callable[[Session, list[Result]], Awaitable[None]]
"""Writes something in the transaction of a group's requests, given their results; called again if that is repeated."""


class Once(msgspec.Struct, frozen=True):
    """An idempotency key: its request's digest, and the function that makes the stored answer from the results."""

    account: UUID
    key: str
    digest: bytes
    answer: Callable[[list[Result]], bytes]

    @property
    def id(self) -> idempotency.Key:
        """The account and key that it is found by."""
        return self.account, self.key


class Group:
    """The requests of one caller, answered together; ``kept`` is the answer stored under its idempotency key.

    ``beside`` is written in the same transaction.
    """

    __slots__ = ("account", "beside", "done", "kept", "once", "requests", "results", "weight")

    def __init__(self, requests: Sequence[Request], once: Once | None, beside: Beside | None = None) -> None:
        accounts = {request.account for request in requests}
        self.account = accounts.pop() if len(accounts) == 1 else None
        self.requests = requests
        self.weight = sum(request.weight for request in requests)
        self.once = once
        self.beside = beside
        self.results: list[Result] = []
        self.kept: bytes | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_bulk(self) -> bool:
        """Whether it is a batch of its own."""
        return len(self.requests) > BULK_REQUESTS or self.weight > BULK_WEIGHT

    def with_news(self) -> set[UUID]:
        """Return the accounts that got an event."""
        answered = zip(self.requests, self.results, strict=False)  # a rejected one has no results
        return {request.account for request, result in answered if result.event is not None}

    def end(self, error: Exception | None = None) -> None:
        """Let the caller continue; only the first call has an effect."""
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class Lines:
    """Waiting groups by account; an account that was served goes to the end."""

    def __init__(self) -> None:
        self._lines: OrderedDict[UUID | None, deque[Group]] = OrderedDict()
        self._requests: dict[UUID | None, int] = {}

    def add(self, group: Group) -> None:
        """Append a group to the line of its account."""
        self._lines.setdefault(group.account, deque()).append(group)
        self._requests[group.account] = self._requests.get(group.account, 0) + len(group.requests)

    def requests(self, *, without: Collection[UUID | None] = ()) -> int:
        """Return how many requests are waiting, except those of some accounts."""
        return sum(count for account, count in self._requests.items() if account not in without)

    def take_bulk(self, *, without: Collection[UUID | None] = ()) -> list[Group]:
        """Take the next bulk group alone, or small groups of the next account, up to ``LARGEST_SHARE`` requests.

        Return none if only groups of the given accounts are waiting.
        """
        account = next((one for one in self._lines if one not in without), _NOBODY)
        if account is _NOBODY:
            return []
        batch = [self._pop(account)]
        room = LARGEST_SHARE - len(batch[0].requests)
        while not batch[0].is_bulk and (line := self._lines.get(account)) and len(line[0].requests) <= room:
            batch.append(self._pop(account))
            room -= len(batch[-1].requests)
        return batch

    def take_batch(self, *, without: Collection[UUID | None] = ()) -> list[Group]:
        """Take groups from accounts in turn, up to ``LARGEST_BATCH`` requests; at least one if any is waiting."""
        batch: list[Group] = []
        taken: dict[UUID | None, int] = {}
        share = LARGEST_BATCH if self._is_one(without) else LARGEST_SHARE
        while True:
            before = len(batch)
            for account in [one for one in self._lines if one not in without]:
                more = len(self._lines[account][0].requests)
                if batch and sum(taken.values()) + more > LARGEST_BATCH:
                    return batch
                if account not in taken or taken[account] + more <= share:
                    taken[account] = taken.get(account, 0) + more
                    batch.append(self._pop(account))
            if len(batch) == before:
                return batch

    def _is_one(self, without: Collection[UUID | None]) -> bool:
        return len([one for one in self._lines if one not in without]) == 1

    def _pop(self, account: UUID | None) -> Group:
        line = self._lines.pop(account)
        group = line.popleft()
        self._requests[account] -= len(group.requests)
        if line:
            self._lines[account] = line
        else:
            del self._requests[account]
        return group
