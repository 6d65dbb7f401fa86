"""Scans that nobody understood, and scans that could not be accepted at all: counted, logged once, and stored.

Takes what intake has committed; writes a row for each code and text of an account to ``unread_scan`` every few seconds,
and counts for the metrics. A process that dies loses the counts of its last seconds, never a scan.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import structlog

from waypost.domain.checkpoints import Checkpoint, fold
from waypost.domain.trackings import Skipped, SkipReason
from waypost.rest import set_within
from waypost.store import unread_changes
from waypost.store.database import Database
from waypost.store.statements import transaction
from waypost.store.unread_changes import UnreadKey

_LOG: Final = structlog.get_logger()
WRITE_SECONDS: Final = 5.0
MOST_WAITING: Final = 5_000
"""The maximum different codes and texts that wait to be written, of all accounts; beyond it only the metric counts."""
LONGEST_CODE: Final = 100
LONGEST_TEXT: Final = 200

_DIGITS: Final = re.compile(r"\d+")

UNREAD: Final[Counter[str]] = Counter()
"""How many new scans this process could not read, by source."""
SKIPPED: Final[Counter[tuple[str, SkipReason]]] = Counter()
"""How many scans of answers this process could not accept, by source and reason; repeated answers count again."""


class UnreadScans:
    """The unread scans of one process until they are written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: Counter[UnreadKey] = Counter()

    def note(self, account: UUID, source: str, scan: Checkpoint) -> None:
        """Count an account's scan that could not be read."""
        UNREAD[source] += 1
        key = UnreadKey(account, source, _code(scan), _text(scan))
        if key in self._waiting or len(self._waiting) < MOST_WAITING:
            self._waiting[key] += 1

    def note_skipped(self, source: str, skipped: Iterable[Skipped]) -> None:
        """Count scans that were skipped."""
        for one in skipped:
            if (source, one.reason) not in SKIPPED:  # it comes again with each answer
                _LOG.warning("scan_skipped", source=source, reason=one.reason.value, field=one.field)
            SKIPPED[source, one.reason] += 1

    async def serve(self, stop: asyncio.Event) -> None:
        """Write the counts until ``stop`` is set, and then once more. Raise when PostgreSQL is unavailable."""
        while not stop.is_set():
            await set_within(stop, WRITE_SECONDS)
            await self.write()

    async def write(self) -> None:
        """Write the counts. Counts that could not be written are kept."""
        if not self._waiting:
            return
        written = self._waiting.copy()
        async with self._database.engine.acquire() as session, transaction(session):
            await unread_changes.count_unread(session, written)
        self._waiting -= written


def _code(scan: Checkpoint) -> str:
    return fold(scan.raw_status)[:LONGEST_CODE]


def _text(scan: Checkpoint) -> str:
    """Return a text without its digits: texts that differ in a number or time only are one text."""
    return _DIGITS.sub("#", fold(scan.tracking_detail[: 4 * LONGEST_TEXT]))[:LONGEST_TEXT]
