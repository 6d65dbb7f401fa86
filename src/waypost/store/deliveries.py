"""Deliveries and their attempts as people look at them, always of one account."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, Self
from uuid import UUID

import msgspec

from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.ids import FIRST, LAST, bucket, bucket_of
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one

MOST_FAILED: Final = 200
"""The maximum failed attempts returned, and the maximum deliveries searched for them."""


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery. ``state`` None: not settled. The fields of its event are None once that is gone.

    A test has no event: ``sample`` is the status of the sample that it sends, unless it sends the state of a parcel
    (``packed``) or an edited ``test_body``.
    """

    bucket: int
    id: UUID
    endpoint: UUID
    tracking: UUID
    event: UUID
    sequence: int
    tries: int
    blocked: bool
    next_at: datetime | None
    state: str | None
    reason: str | None
    settled_at: datetime | None
    sample: str | None
    resend_of: UUID | None
    recovery: UUID | None
    blocked_by: UUID | None
    tracking_number: str | None
    courier_code: str | None
    status: str | None
    substatus: str | None
    packed: bytes | None = None
    test_body: bytes | None = None


class KeptAttempt(msgspec.Struct, frozen=True):
    """One stored attempt; ``number`` is the lease it was made under, rising."""

    number: int
    started_at: datetime
    duration_ms: int
    version: str
    outcome: str
    status_code: int | None
    retry_after_seconds: int | None
    url: str
    signed_at: int
    signature: str
    webhook_signature: str
    user_agent: str
    custom_headers: list[str] | None
    body_sha256: bytes
    body_length: int
    response_headers: str | None
    response_body: bytes | None
    response_truncated: bool | None
    reason: str | None


class FailedAttempt(msgspec.Struct, frozen=True):
    """The result of a failed attempt: ``location`` is the target of a redirect, ``body`` begins the response."""

    delivery: UUID
    started_at: datetime
    outcome: str
    reason: str | None
    status_code: int | None
    location: str | None
    body: bytes | None = None


class Wanted(msgspec.Struct, frozen=True):
    """A filter of deliveries: ids in [``after``, ``before``), and None for any endpoint, number, state or kind."""

    after: UUID
    before: UUID
    endpoint: UUID | None = None
    tracking_number: str | None = None
    state: str | None = None
    tests: bool | None = None

    @classmethod
    def of_endpoint(cls, endpoint: UUID) -> Self:
        """Return the filter for all of one endpoint."""
        return cls(FIRST, LAST, endpoint)

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last partition that these ids lie in."""
        return day_of(self.after), day_of(self.before)


async def newest(session: Session, account: UUID, wanted: Wanted, limit: int) -> list[DeliveryRow]:
    """Return the rows of the newest deliveries by id.

    Unsettled deliveries are read first, so that one that settles in between is seen twice rather than never.
    """
    endpoints = await fetch(session, "endpoints_ever", account, wanted.endpoint)
    bounds = (ALL_BUCKETS, [row["id"] for row in endpoints], wanted.after, wanted.before, wanted.state, limit)
    found: dict[UUID, DeliveryRow] = {}
    if wanted.tests:
        tests = await fetch(session, "test_deliveries", *bounds, *wanted.days)
        rows = [] if wanted.tracking_number is not None else [DeliveryRow(**row) for row in tests]
        return await with_numbers_of_tests(session, rows)
    without_tests = (*bounds, wanted.tests is False)
    if wanted.tracking_number is not None:
        reads = await _of_number(session, account, wanted, without_tests)
    else:
        reads = await _of_endpoints(session, wanted, without_tests)
    for read in reads:
        found |= {row.id: row for row in read}
    rows = sorted(found.values(), key=lambda row: row.id, reverse=True)[:limit]
    return await with_numbers_of_tests(session, rows)


async def _of_endpoints(session: Session, wanted: Wanted, bounds: tuple[object, ...]) -> Sequence[list[DeliveryRow]]:
    unsettled: list[DeliveryRow] = []
    settled: list[DeliveryRow] = []
    if wanted.state is None or wanted.state in list(Waiting):
        unsettled = [DeliveryRow(**row) for row in await fetch(session, "unsettled_deliveries", *bounds)]
    if wanted.state in (None, Settled.DELIVERED):
        settled = [DeliveryRow(**row) for row in await fetch(session, "settled_deliveries", *bounds, *wanted.days)]
    elif wanted.state in list(Settled):
        settled = [DeliveryRow(**row) for row in await fetch(session, "undelivered_deliveries", *bounds, *wanted.days)]
    return unsettled, settled


async def _of_number(
    session: Session, account: UUID, wanted: Wanted, bounds: tuple[object, ...]
) -> Sequence[list[DeliveryRow]]:
    number = wanted.tracking_number or ""
    rows = await fetch(session, "trackings_with_number", [bucket_of(account, number)], account, number)
    trackings = [row["id"] for row in rows]
    unsettled = await fetch(session, "unsettled_of_trackings", *bounds, trackings)
    settled = await fetch(session, "settled_of_trackings", *bounds, *wanted.days, trackings)
    return [DeliveryRow(**row) for row in unsettled], [DeliveryRow(**row) for row in settled]


async def with_numbers_of_tests(session: Session, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """Return the rows; tests of a parcel or with an edited payload have its number, others that of their sample."""
    tests = [row.id for row in rows if row.sample is not None]
    if not tests:
        return list(rows)
    found = await fetch(session, "numbers_of_tests", tests)
    numbers = {row["delivery"]: row["tracking_number"] for row in found}
    return [msgspec.structs.replace(row, tracking_number=numbers[row.id]) if row.id in numbers else row for row in rows]


async def find(session: Session, account: UUID, delivery: UUID) -> DeliveryRow | None:
    """Return the row of one of the account's deliveries with its event's packed state; None if there is none."""
    buckets = [bucket(delivery)]
    row = await fetch_one(session, "unsettled_delivery", buckets, account, delivery)
    if row is None:
        row = await fetch_one(session, "settled_delivery", buckets, account, delivery, day_of(delivery))
    return None if row is None else DeliveryRow(**row)


async def attempts(session: Session, delivery: UUID) -> list[KeptAttempt]:
    """Return the rows of a delivery's attempts, oldest first."""
    rows = await fetch(session, "attempts", [bucket(delivery)], delivery, day_of(delivery))
    return [KeptAttempt(**row) for row in rows]


async def failed_attempts(session: Session, endpoint: UUID, url: str) -> list[FailedAttempt]:
    """Return the failed attempts of the last 24 hours at one URL of an endpoint, newest first."""
    rows = await fetch(session, "failed_attempts", ALL_BUCKETS, endpoint, url, MOST_FAILED)
    return [FailedAttempt(**row) for row in rows]
