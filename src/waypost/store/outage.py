"""Reports an outage of the database once per process, whoever finds it and how often, and watches until it is over."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from waypost.store.ending import end
from waypost.store.trouble import LOST, NO_OUTAGE, DatabaseTrouble, trouble_of

_LOG: Final = structlog.get_logger()
LOOK_SECONDS: Final = 1.0

OUTAGES: Final[Counter[str]] = Counter()
"""How many outages this process has seen, by trouble."""


class Outage:
    """Whether the database can be used. ``answers`` is called each second of an outage until it no longer raises."""

    def __init__(self, answers: Callable[[], Awaitable[object]]) -> None:
        self._answers = answers
        self._watching: asyncio.Task[None] | None = None
        self._failed = 0
        self._ended = False
        self._left_to_caller = False
        self.trouble: DatabaseTrouble | None = None
        """What keeps it from being used; None while it can be."""

    @contextmanager
    def left_to_caller(self) -> Iterator[None]:
        """Report no errors of the block: whoever opens a database says why that was not possible."""
        self._left_to_caller = True
        try:
            yield
        finally:
            self._left_to_caller = False

    def found(self, error: BaseException) -> None:
        """Report an error met in using the database. Only the first of an outage is logged."""
        if isinstance(error, NO_OUTAGE) or self._left_to_caller:
            return
        trouble = trouble_of(error)
        self._failed += 1
        if self.trouble is None and not self._ended:
            self.trouble = trouble
            OUTAGES[trouble] += 1
            _LOG.warning("database_unavailable", trouble=trouble.value, error=repr(error))
            if self._watching is None or self._watching.done():
                self._watching = asyncio.create_task(self._watch())
        elif trouble is DatabaseTrouble.DISK_FULL:
            self.trouble = trouble  # the outage is watched in another way

    def passed(self) -> None:
        """Report that the database was seen to respond and accept writes."""
        self.trouble = None

    async def end(self) -> None:
        """Stop watching."""
        self._ended = True
        if self._watching is not None:
            await end(self._watching)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.trouble is not None and not self._ended:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(*LOST):
                await self._answers()  # which takes no longer than it may, and so gets to the next host
                self.passed()
        if self.trouble is None:
            _LOG.info("database_available", seconds=round(loop.time() - began, 1), failed=self._failed)
        self._failed = 0
