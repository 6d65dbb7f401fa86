"""Bring forward the delivery that an endpoint gets next."""

from uuid import UUID

import msgspec

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
