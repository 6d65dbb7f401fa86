"""Trackings as the API, the pages and files list them, and what their shop does with them.

Everything is of one account. Functions that change a tracking run in the caller's transaction, after ``lock``.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.customer_names import searchable
from waypost.domain.ids import FIRST, LAST
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.store.queue import ALL_BUCKETS
from waypost.store.statements import Session, fetch, fetch_one
from waypost.store.states import unpack

MOST_COURIERS: Final = 4
"""The number of couriers that are listed for one number."""
MOST_LISTED: Final = 100
"""The maximum couriers that are listed for an account."""
MOST_SEARCHED: Final = 1_000
"""The maximum parcels of each kind of match that a search looks at."""

_NOTHING: Final = ("", "")
"""The bounds of no text at all."""

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 12, 31, tzinfo=UTC)


class TrackingRow(msgspec.Struct, frozen=True):
    """The row of a tracking in a list; ``sequence`` is its newest event's, 0 before the first."""

    id: UUID
    sequence: int
    packed: bytes

    @property
    def state(self) -> TrackingState:
        """The state, unpacked at each access: of a list of large parcels, one is in memory at a time."""
        return unpack(self.packed)


class WatchedTracking(msgspec.Struct, frozen=True):
    """The row of a tracking, with the times of its carrier's last and next poll; None for never."""

    id: UUID
    sequence: int
    state: TrackingState
    last_polled_at: datetime | None
    next_poll_at: datetime | None


class Filter(msgspec.Struct, frozen=True):
    """Which trackings: ids and times of change in [``after``, ``before``), and None for no other restriction.

    ``numbers`` are normalised; ``search`` is the beginning or end of a number, or the beginning of an order
    number with or without its ``#``, or of the first or last word of a customer's name. Only one of the two is
    given. The ids from ``ids.first_at`` on are those registered since a time.
    """

    after: UUID = FIRST
    before: UUID = LAST
    statuses: tuple[Status, ...] | None = None
    archived: bool | None = None
    courier: str | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    numbers: tuple[str, ...] | None = None
    search: str | None = None

    @property
    def by_change(self) -> bool:
        """Whether a list of these is in the order of their last change."""
        times = self.updated_after is not None or self.updated_before is not None
        return times and self.numbers is None and self.search is None

    @property
    def asked_ids(self) -> tuple[UUID | None, UUID | None]:
        """Return the bounds of the ids, None for one that excludes nothing."""
        return None if self.after == FIRST else self.after, None if self.before == LAST else self.before

    @property
    def lanes(self) -> tuple[list[bool], list[Status]]:
        """Return the lanes that must be read: whether archived, and the statuses of each."""
        archived = [False, True] if self.archived is None else [self.archived]
        return archived, list(Status if self.statuses is None else dict.fromkeys(self.statuses))


async def find(session: Session, account: UUID, tracking: UUID) -> WatchedTracking | None:
    """Return the row of one tracking with its polls; None if it does not exist in the account."""
    row = await fetch_one(session, "find_tracking", [ids.bucket(tracking)], account, tracking)
    if row is None:
        return None
    return WatchedTracking(row["id"], row["sequence"], unpack(row["state"]), row["last_polled_at"], row["next_poll_at"])


async def page(session: Session, account: UUID, wanted: Filter, *, limit: int, skipped: int = 0) -> list[TrackingRow]:
    """Return the rows of trackings, newest first; with times of change, last changed first.

    To read on, set ``before`` to the last id; that does not work with a time of change. ``skipped`` costs as much as
    what it skips: see ``numbered_pages``.
    """
    bounds = (account, *wanted.lanes, wanted.after, wanted.before, limit, skipped)
    updated = (wanted.updated_after or BEGINNING, wanted.updated_before or END)
    if wanted.numbers is not None:
        buckets = sorted({ids.bucket_of(account, number) for number in wanted.numbers})
        numbers = list(wanted.numbers)
        rows = await fetch(session, "trackings_of_numbers", buckets, *bounds, numbers, wanted.courier, *updated)
    elif wanted.search is not None:
        number, order = "".join(wanted.search.split()).upper(), wanted.search.strip().removeprefix("#")
        searched = (*_beginning(number), MOST_SEARCHED, *_beginning(order), wanted.courier, *updated)
        ends = (*_beginning(number[::-1]), *_beginning(f"#{order}"))
        name = searchable(wanted.search)
        named = _beginning(name) if name else _NOTHING
        rows = await fetch(session, "search_trackings", ALL_BUCKETS, *bounds, *searched, *ends, *named)
    elif wanted.by_change:
        rows = await fetch(session, "trackings_by_updated_lane", *bounds, wanted.courier, *updated)
    elif wanted.courier is not None:
        rows = await fetch(session, "trackings_by_courier_lane", *bounds, [wanted.courier])
    else:
        rows = await fetch(session, "trackings_by_lane", *bounds)
    return [TrackingRow(row["id"], row["sequence"], row["state"]) for row in rows]


async def couriers_of(session: Session, account: UUID, numbers: Sequence[str]) -> dict[str, list[str]]:
    """Return the first couriers with which the account tracks each of these numbers, in the order of their codes."""
    buckets = [ids.bucket_of(account, number) for number in numbers]
    wanted = (sorted(set(buckets)), account, buckets, list(numbers), MOST_COURIERS)
    found: dict[str, list[str]] = {}
    for row in await fetch(session, "couriers_of_numbers", *wanted):
        found.setdefault(row["tracking_number"], []).append(row["courier_code"])
    return found


async def couriers_in_use(session: Session, account: UUID) -> list[str]:
    """Return the codes of the couriers with which the account tracks parcels, at most ``MOST_LISTED``."""
    return [row["courier_code"] for row in await fetch(session, "couriers_of_account", account, MOST_LISTED)]


def _beginning(text: str) -> Sequence[str]:
    """Return the bounds of all texts with this prefix, in the order of the bytes of UTF-8."""
    return text, text + "\U0010ffff"
