"""Rows of single deliveries, written by people's actions. The caller has checked that the delivery is the account's."""

from contextlib import suppress
from enum import Enum, auto
from uuid import UUID

from waypost.domain import ids
from waypost.domain.deliveries import Reason
from waypost.store import intake_rows
from waypost.store.deliveries import DeliveryRow
from waypost.store.queue import unblock
from waypost.store.statements import Session, fetch, fetch_one, transaction
from waypost.store.trouble import REPEATABLE


class Cancelled(Enum):
    """The result of cancelling a delivery."""

    AT_ONCE = auto()
    WITH_ITS_ATTEMPT = auto()
    NOT_THERE = auto()


async def insert_resend(session: Session, account: UUID, row: DeliveryRow, *, random: int) -> UUID | None:
    """Insert another row for the delivery's event, waiting for its endpoint, and return its id.

    Return None if the endpoint is disabled or deleted. ``random`` are 62 bits for the id.
    """
    delivery = ids.make_id(await intake_rows.now(session), row.bucket, random)
    event = (row.tracking, row.event, row.sequence)
    made = await fetch_one(session, "insert_resend", row.bucket, delivery, account, row.endpoint, *event, row.id)
    return None if made is None else delivery


async def cancel_delivery(session: Session, row: DeliveryRow) -> tuple[Cancelled, set[UUID]]:
    """Settle a delivery's row as cancelled, and unblock the rest of its parcel.

    Return the result, and the endpoints that have something due as a result.

    A delivery in flight ends as delivered if its attempt succeeds, otherwise as cancelled. One that was settled, or
    claimed in this very moment, is not there: the caller looks again.
    """
    buckets = [row.bucket]
    with suppress(*REPEATABLE):
        async with transaction(session):
            await fetch(session, "lock_trackings", buckets, buckets, [row.tracking])
            done = await fetch_one(session, "cancel", buckets, [row.id], Reason.USER.value)
            assert done is not None  # noqa: S101 - an aggregate gives a row
            freed = await unblock(session, {(row.bucket, row.tracking, row.endpoint)}) if done["cancelled"] else set()
        if done["cancelled"]:
            return Cancelled.AT_ONCE, freed
        if done["marked"]:
            return Cancelled.WITH_ITS_ATTEMPT, freed
    return Cancelled.NOT_THERE, set()
