"""The webhook history as people search it: deliveries with the result of their last attempt, always of one account.

``deliveries`` reads lists for the API. These are read by one filter more: the result of the last attempt, which no
index has.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain.deliveries import waiting_state
from waypost.domain.history import HistoryFilter, Seen, fits
from waypost.domain.ids import bucket, first_at, made_at
from waypost.domain.times import from_ms
from waypost.store.deliveries import DeliveryRow, with_numbers_of_tests
from waypost.store.intake_rows import day_of
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one

MOST_PARCELS: Final = 200
"""The maximum parcels that a search finds, of each way to match: a prefix of one digit could match everything."""


class LastAttempt(msgspec.Struct, frozen=True):
    """The result of a delivery's last attempt."""

    delivery: UUID
    started_at: datetime
    duration_ms: int
    outcome: str
    status_code: int | None
    reason: str | None


class HistoryRow(msgspec.Struct, frozen=True):
    """A delivery with its last attempt, None if it has none."""

    delivery: DeliveryRow
    last: LastAttempt | None


class Examined(msgspec.Struct, frozen=True):
    """The rows that match, newest first, and the id below which further ones are found; None if there are none."""

    rows: list[HistoryRow]
    before: UUID | None


async def examine(session: Session, account: UUID, wanted: HistoryFilter, *, limit: int, examined: int) -> Examined:
    """Return the newest deliveries that match a filter, at most ``limit``.

    Without an index for a filter, at most ``examined`` deliveries are looked at: the page may be short, or empty, and
    ``before`` says where to continue.
    """
    most = examined if wanted.examines else limit + 1
    found = await candidates(session, account, wanted, most)
    matching = await examined_of(session, wanted, found, before=found[-1].id if len(found) == most else None)
    shown = matching.rows[:limit]
    if not wanted.needs_attempts:
        attempts = await last_attempts(session, [row.delivery for row in shown])
        shown = [HistoryRow(row.delivery, attempts.get(row.delivery.id)) for row in shown]
    return Examined(shown, shown[-1].delivery.id if len(matching.rows) > limit else matching.before)


async def examined_of(
    session: Session, wanted: HistoryFilter, found: Sequence[DeliveryRow], *, before: UUID | None
) -> Examined:
    """Return those of the deliveries that match; their last attempts are read only if the filter needs them."""
    attempts = await last_attempts(session, found) if wanted.needs_attempts else {}
    rows = [HistoryRow(row, attempts.get(row.id)) for row in found]
    return Examined([one for one in rows if fits(wanted, _seen(one.delivery, one.last))], before)


async def last_attempts(session: Session, rows: Sequence[DeliveryRow]) -> dict[UUID, LastAttempt]:
    """Return the last attempts of deliveries by their ids."""
    tried = [row for row in rows if row.tries]
    if not tried:
        return {}
    buckets, identifiers = [row.bucket for row in tried], [row.id for row in tried]
    columns = (sorted(set(buckets)), buckets, identifiers, [day_of(one) for one in identifiers])
    return {row["delivery"]: LastAttempt(**row) for row in await fetch(session, "last_attempts", *columns)}


async def tracking_of(session: Session, account: UUID, event: UUID) -> UUID | None:
    """Return the tracking of one of the account's events; None if there is no such event. Tests have none."""
    row = await fetch_one(session, "tracking_of_event", [bucket(event)], event, day_of(event), account)
    return None if row is None else row["tracking"]


async def trackings_matching(session: Session, account: UUID, text: str) -> tuple[list[UUID], bool]:
    """Return parcels whose number begins or ends with a text, or whose order number begins with it.

    Also return whether there may be more than ``MOST_PARCELS`` of one kind. Deleted parcels are found by the beginning
    of their number.
    """
    number, order = "".join(text.split()).upper(), text.strip().removeprefix("#")
    bounds = [_prefixed(number), _prefixed(number[::-1]), _prefixed(order), _prefixed(f"#{order}")]
    given = [end for pair in bounds for end in pair]
    rows = await fetch(session, "trackings_searched", ALL_BUCKETS, account, *given, MOST_PARCELS)
    return sorted({row["id"] for row in rows}), any(row["place"] == MOST_PARCELS for row in rows)


async def neighbours(session: Session, row: DeliveryRow) -> tuple[UUID | None, UUID | None]:
    """Return the previous and the next delivery of the same parcel and endpoint; a test has none."""
    if row.sample is not None:
        return None, None
    found = await fetch_one(session, "neighbours", [row.bucket], row.tracking, row.endpoint, row.id)
    return (None, None) if found is None else (found["previous"], found["next"])


def at_its_time(event: UUID) -> tuple[UUID, UUID]:
    """Return the bounds of the ids made in the same millisecond: a test's event and delivery are."""
    return first_at(from_ms(made_at(event))), first_at(from_ms(made_at(event) + 1))


def _prefixed(text: str) -> tuple[str, str]:
    """Return the bounds of all texts with this prefix, in the order of the bytes of UTF-8."""
    return text, text + "\U0010ffff"


def _seen(row: DeliveryRow, last: LastAttempt | None) -> Seen:
    state = row.state or waiting_state(blocked=row.blocked, tries=row.tries)
    return Seen(state, row.sample or row.status, row.event, row.tries, None if last is None else last.outcome)


async def candidates(
    session: Session, account: UUID, wanted: HistoryFilter, limit: int, *, settled: bool = True
) -> list[DeliveryRow]:
    """Return the newest deliveries of a filter's period, endpoint, parcels and kind; some may not match the rest.

    Unsettled deliveries are read first, so that one that settles in between is seen twice rather than never.
    """
    endpoints = [row["id"] for row in await fetch(session, "endpoints_ever", account, wanted.endpoint)]
    bounds = (ALL_BUCKETS, endpoints, wanted.after, wanted.before, None, limit)
    days, without_tests = (day_of(wanted.after), day_of(wanted.before)), wanted.tests is False
    found: dict[UUID, DeliveryRow] = {}
    if wanted.tests:
        rows = [] if wanted.trackings is not None else await fetch(session, "test_deliveries", *bounds, *days)
        found = {row["id"]: DeliveryRow(**row) for row in rows}
    elif wanted.trackings is not None:
        of = list(wanted.trackings)
        for read in (
            await fetch(session, "unsettled_of_trackings", *bounds, without_tests, of) if wanted.waits else [],
            await fetch(session, "settled_of_trackings", *bounds, without_tests, *days, of)
            if settled and wanted.ended
            else [],
        ):
            found |= {row["id"]: DeliveryRow(**row) for row in read}
    else:
        for read in (
            await _unsettled(session, wanted, *bounds, without_tests) if wanted.waits else [],
            await _settled(session, wanted, *bounds, without_tests, *days) if settled and wanted.ended else [],
        ):
            found |= {row["id"]: DeliveryRow(**row) for row in read}
    newest = sorted(found.values(), key=lambda row: row.id, reverse=True)[:limit]
    return await with_numbers_of_tests(session, newest)


async def _unsettled(session: Session, wanted: HistoryFilter, *bounds: object) -> list[Record]:
    if wanted.was_tried:
        return await fetch(session, "retried_deliveries", *bounds)
    return await fetch(session, "unsettled_deliveries", *bounds)


async def _settled(session: Session, wanted: HistoryFilter, *bounds: object) -> list[Record]:
    if wanted.missed:
        return await fetch(session, "undelivered_deliveries", *bounds)
    return await fetch(session, "settled_deliveries", *bounds)
