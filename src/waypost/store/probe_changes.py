"""Bring forward the delivery that an endpoint gets next, or one that a person chose."""

from uuid import UUID

import msgspec

from waypost.store.deliveries import DeliveryRow
from waypost.store.hints import Hint, tell
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one, transaction


class NextDelivery(msgspec.Struct, frozen=True):
    """A delivery that is sent now, and how many attempts of it failed before."""

    delivery: UUID
    tries: int


async def bring_forward(session: Session, endpoint: UUID) -> NextDelivery | None:
    """Make the row of an endpoint's next delivery due, and have its dispatcher send it whatever the breaker says.

    Return it; None if nothing waits, or what waits is in flight.
    """
    row = await fetch_one(session, "next_to_send", ALL_BUCKETS, endpoint)
    if row is None:
        return None
    buckets = [row["bucket"]]
    async with transaction(session):
        await fetch(session, "lock_trackings", buckets, buckets, [row["tracking"]])
        if await fetch_one(session, "send_now", buckets, row["id"]) is None:
            return None
    await tell(session, Hint(endpoints=frozenset((endpoint,)), recovered=frozenset((endpoint,))))
    return NextDelivery(row["id"], row["tries"])


async def send_first(session: Session, delivery: DeliveryRow) -> bool:
    """Make a waiting delivery's row the next one of its endpoint, and have it sent whatever the breaker says.

    Return False if it waits behind another, or is in flight or settled.
    """
    buckets = [delivery.bucket]
    async with transaction(session):
        await fetch(session, "lock_trackings", buckets, buckets, [delivery.tracking])
        first = await fetch_one(session, "first_of_lane", ALL_BUCKETS, delivery.endpoint)
        at = None if first is None else first["next_at"]
        if at is None or await fetch_one(session, "send_first", buckets, delivery.id, at) is None:
            return False
    endpoints = frozenset((delivery.endpoint,))
    await tell(session, Hint(endpoints=endpoints, recovered=endpoints, by_hand=delivery.resend_of is not None))
    return True
