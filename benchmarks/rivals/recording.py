"""Records what dispatching asks of PostgreSQL for a hundred deliveries, so that every driver can be asked the same."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from benchmarks.load import COURIER, SCANS, checkpoints, number
from tests.support.databases import add_account, add_endpoint
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled
from waypost.domain.trackings import Source, Update
from waypost.intake.batch import write
from waypost.intake.requests import Request
from waypost.store import dispatchers, queue
from waypost.store.database import Database
from waypost.store.queue import Lane
from waypost.store.rows import AttemptRow, Claimed, Finished
from waypost.store.settling import settle
from waypost.store.statements import Session, transaction

DELIVERIES: Final = 100
COPY: Final = "copy"
_LEASE: Final = timedelta(minutes=10)

Asked = tuple[str, str, tuple[Any, ...]]
"""What is done (``claim``, ``settle`` or ``copy``), the statement or the table, and its arguments."""


class _Recorder:
    """A session that notes what passes through it; what it begins is never committed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.kind = ""
        self.asked: list[Asked] = []

    async def fetch(self, text: str, *arguments: Any) -> Any:
        self.asked.append((self.kind, text, arguments))
        return await self._session.fetch(text, *arguments)

    async def fetchrow(self, text: str, *arguments: Any) -> Any:
        self.asked.append((self.kind, text, arguments))
        return await self._session.fetchrow(text, *arguments)

    async def copy_records_to_table(self, table: str, *, columns: Sequence[str], records: Any) -> None:
        rows = [tuple(row) for row in records]
        self.asked.append((COPY, table, (tuple(columns), rows)))
        await self._session.copy_records_to_table(table, columns=columns, records=rows)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


async def record(database: Database) -> list[Asked]:
    """Make deliveries in an empty database, and return what claiming, settling and recording them all asks."""
    account = await add_account(database)
    endpoint = await add_endpoint(database, account)
    async with database.engine.acquire() as session:
        dispatcher = await dispatchers.join(session)
        async with transaction(session):
            await write(session, [_request(account, parcel) for parcel in range(DELIVERIES)], frozenset())
    async with database.unhurried() as session:
        recorder: Any = _Recorder(session)
        begun = session.transaction()
        await begun.start()
        recorder.kind = "claim"
        lanes = [Lane(endpoint, DELIVERIES)]
        claimed, _ = await queue.claim(recorder, lanes, dispatcher=dispatcher, lease=_LEASE)
        recorder.kind = "settle"
        await settle(recorder, [_delivered(one) for one in claimed], dispatcher=dispatcher)
        await begun.rollback()
    if len(claimed) != DELIVERIES:
        raise AssertionError(len(claimed))
    return list(recorder.asked)


def _request(account: UUID, parcel: int) -> Request:
    update = Update(Source.API, checkpoints(SCANS))
    return Request(account, number(parcel), COURIER, update, create=True)


def _delivered(one: Claimed) -> Finished:
    attempt = AttemptRow(
        bucket=one.bucket,
        delivery=one.id,
        number=one.tries + 1,
        started_at=datetime.now(UTC),
        duration_ms=12,
        version="V4",
        outcome=Outcome.SUCCEEDED.value,
        status_code=200,
        retry_after_seconds=None,
        url="https://receiver.test/hook",
        signed_at=1_790_000_000,
        signatures=secrets.token_bytes(64),
        user_agent="Waypost/0 (benchmark)",
        own_headers=None,
        body_sha256=secrets.token_bytes(32),
        body_length=2300,
        response_headers='[["content-length","2"]]',
        response_body=b"ok",
        response_truncated=False,
    )
    return Finished(one, attempt, Settled.DELIVERED)
