"""What intake reads before it merges a batch of updates: one statement that finds the trackings and locks them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from waypost.domain.endpoints import SubscribedEndpoint
from waypost.store.intake_rows import TrackingKey, subscribed
from waypost.store.rows import LockedRow
from waypost.store.statements import Session, fetch


class Found(msgspec.Struct, frozen=True):
    """A tracking that exists, and how many bytes its state takes."""

    id: UUID
    bytes: int


class FoundTrackings(msgspec.Struct, frozen=True):
    """What was found for updates; ``now`` is the database's time in Unix milliseconds, after all locks.

    ``locked`` has the rows in the order of their locks. It is empty if a number is unknown or the states are too large:
    then ``trackings`` has those that exist. A tracking that is deleted this moment can be missing in either.
    """

    now: int
    locked: Sequence[tuple[TrackingKey, LockedRow]]
    trackings: Mapping[TrackingKey, Found]
    endpoints: Mapping[UUID, list[SubscribedEndpoint]]


async def lock_if_known(session: Session, keys: Sequence[TrackingKey], *, most_bytes: int) -> FoundTrackings:
    """Find the trackings, and lock and return them if all are known; with them their accounts' endpoints.

    ``keys`` are sorted and distinct. Nothing is locked if the states take more than ``most_bytes``.
    """
    buckets, accounts, numbers, couriers = (list(column) for column in zip(*keys, strict=True))
    owners = sorted(set(accounts))
    now, found, locked = 0, dict[TrackingKey, Found](), list[tuple[TrackingKey, LockedRow]]()
    endpoints: dict[UUID, list[SubscribedEndpoint]] = {account: [] for account in owners}
    for row in await fetch(session, "lock_if_known", buckets, accounts, numbers, couriers, most_bytes, owners):
        if (position := row["position"]) is None:
            if row["now"] is None:
                endpoints[row["account"]].append(subscribed(row))
            else:
                now = int(row["now"].timestamp() * 1000)
        elif row["state"] is None:
            found[keys[position - 1]] = Found(row["id"], row["bytes"])
        else:
            columns = (row["bucket"], row["id"], row["account"], row["sequence"], row["last_event"], row["state"])
            locked.append((keys[position - 1], LockedRow(*columns)))
    return FoundTrackings(now, locked, found, endpoints)
