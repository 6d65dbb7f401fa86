"""Builds HTTP clients in threads of their own, account by account: one may have a hundred endpoints."""

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Generic, TypeVar
from uuid import UUID

AT_ONCE: Final = max(2, (os.cpu_count() or 1) // 2)
"""A build takes some 5 ms of a processor, so more of them at a time would only delay each other and the loop."""

Client = TypeVar("Client")


class Builds(Generic[Client]):
    """Runs builds, a few at a time. Accounts take turns, so that the only build of one never waits for all of another.

    None stands for builds for no account in particular, which take turns with the accounts.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="client")
        self._free = at_once
        self._waiting: OrderedDict[UUID | None, deque[tuple[asyncio.Future[Client], Callable[[], Client]]]] = (
            OrderedDict()
        )

    def start(self, account: UUID | None, build: Callable[[], Client]) -> asyncio.Future[Client]:
        """Return the future result of a build for an account, which begins when it is the account's turn."""
        built: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append((built, build))
        self._begin()
        return built

    def _begin(self) -> None:
        while self._free and self._waiting:
            account, waiting = self._waiting.popitem(last=False)
            built, build = waiting.popleft()
            if waiting:
                self._waiting[account] = waiting
            self._free -= 1
            running = asyncio.get_running_loop().run_in_executor(self._threads, build)
            running.add_done_callback(partial(self._ended, built))

    def _ended(self, built: asyncio.Future[Client], running: asyncio.Future[Client]) -> None:
        self._free += 1
        if not built.done():
            if error := running.exception():
                built.set_exception(error)
            else:
                built.set_result(running.result())
        self._begin()
