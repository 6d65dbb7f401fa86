"""How often a carrier may be asked with one credential, and when the next call is due.

A day's calls are spread over the day by a bucket that fills evenly and holds an hour's worth. Ordinary parcels leave a
quarter of the bucket to urgent ones. Everything is a value, and the clock is an argument: times are Unix milliseconds.
"""

from typing import Final

import msgspec

from waypost.domain.statuses import Status

_DAY_MS: Final = 86_400_000
_DAY_SECONDS: Final = 86_400
_HOURS: Final = 24
_KEPT_FOR_URGENT: Final = 0.25
_APART_MS: Final = 60_000
"""How far the clocks of two database servers may be apart; one that goes back further was set back."""


class Budget(msgspec.Struct, frozen=True):
    """What a credential may spend: calls per day (a day in UTC), calls per second, and polls of one parcel per day."""

    calls_a_day: int
    calls_a_second: float
    polls_of_a_parcel_a_day: int

    def __post_init__(self) -> None:
        if self.calls_a_day < 1 or self.calls_a_second <= 0 or self.polls_of_a_parcel_a_day < 1:
            raise ValueError("a budget must allow at least one call")

    @property
    def least_seconds_between_polls(self) -> float:
        """The least time between two polls of one parcel, so that its polls are spread over the day."""
        return _DAY_SECONDS / self.polls_of_a_parcel_a_day

    @property
    def bucket_size(self) -> float:
        """How many calls may be made at once after a quiet hour."""
        return max(1.0, self.calls_a_day / _HOURS)


class Spending(msgspec.Struct, frozen=True):
    """What a credential has spent until ``at``, as a plain value that fits a row of a table."""

    budget: Budget
    at: int
    bucket: float
    spent_today: int
    next_call_at: int
    paused_until: int = 0


class Take(msgspec.Struct, frozen=True):
    """The spending after a request for a call, which is granted if ``wait_seconds`` is 0; otherwise ask again then."""

    spending: Spending
    wait_seconds: float

    @property
    def granted(self) -> bool:
        """Whether the call may be made now."""
        return self.wait_seconds == 0


def begin(budget: Budget, now: int) -> Spending:
    """Start spending with an hour's worth of calls, since what was spent earlier is not known.

    Callers that keep the spending beyond the life of the process continue with it through ``resume``.
    """
    return Spending(budget, at=now, bucket=budget.bucket_size, spent_today=0, next_call_at=now)


def take(spending: Spending, now: int, *, urgent: bool) -> Take:
    """Take one call out of the budget, or return how long to wait. An urgent call may use the last of the bucket."""
    refilled = _refill(spending, now)
    budget = refilled.budget
    held_back = 0.0 if urgent else _held_back(budget)
    lacking = max(0.0, 1.0 + held_back - refilled.bucket)
    wait_ms = max(
        refilled.paused_until - refilled.at,
        refilled.next_call_at - refilled.at,
        lacking * _DAY_MS / budget.calls_a_day,
        _DAY_MS - refilled.at % _DAY_MS if refilled.spent_today >= budget.calls_a_day else 0,
    )
    if wait_ms > 0:
        return Take(refilled, wait_ms / 1000)
    taken = msgspec.structs.replace(
        refilled,
        bucket=refilled.bucket - 1,
        spent_today=refilled.spent_today + 1,
        next_call_at=refilled.at + round(1000 / budget.calls_a_second),
    )
    return Take(taken, 0.0)


def charge(spending: Spending, calls: int) -> Spending:
    """Take calls that were made beyond those granted, such as calls for tokens. The bucket may become negative."""
    if calls <= 0:
        return spending
    return msgspec.structs.replace(spending, bucket=spending.bucket - calls, spent_today=spending.spent_today + calls)


def left_today(spending: Spending, now: int) -> int:
    """Return how many calls of this day's budget are left."""
    return max(0, spending.budget.calls_a_day - _refill(spending, now).spent_today)


def resume(kept: Spending | None, budget: Budget, now: int) -> Spending:
    """Return the kept spending within today's limits, or a fresh start if nothing was kept."""
    if kept is None:
        return begin(budget, now)
    return msgspec.structs.replace(kept, budget=budget, bucket=min(kept.bucket, budget.bucket_size))


def pause(spending: Spending, now: int, seconds: float) -> Spending:
    """Make no calls for some seconds from now, as the carrier demanded. A longer pause already running is kept."""
    return msgspec.structs.replace(spending, paused_until=max(spending.paused_until, now + round(seconds * 1000)))


def urgency(status: Status, substatus: str) -> int:
    """Rank a parcel for the order of polling, 0 first: out for delivery, then new, then moving, then the rest."""
    if substatus in ("pickup001", "pickup003") or status is Status.UNDELIVERED:
        return 0
    if status in (Status.PENDING, Status.NOTFOUND):
        return 1
    if status in (Status.DELIVERED, Status.EXPIRED) or substatus == "exception010":
        return 3
    return 2


def is_urgent(status: Status, substatus: str) -> bool:
    """Return whether a parcel may use the part of the bucket that ordinary parcels leave."""
    return urgency(status, substatus) == 0


def _held_back(budget: Budget) -> float:
    """Return what ordinary calls leave in the bucket; never so much that a full bucket would grant none."""
    return min(_KEPT_FOR_URGENT * budget.bucket_size, budget.bucket_size - 1)


def _refill(spending: Spending, now: int) -> Spending:
    """Fill the bucket for the time that has passed. A clock that went back neither fills nor empties it."""
    spending = _set_back(spending, now)
    at = max(spending.at, now)
    budget = spending.budget
    gained = (at - spending.at) * budget.calls_a_day / _DAY_MS
    return msgspec.structs.replace(
        spending,
        at=at,
        bucket=min(budget.bucket_size, spending.bucket + gained),
        spent_today=spending.spent_today if at // _DAY_MS == spending.at // _DAY_MS else 0,
    )


def _set_back(spending: Spending, now: int) -> Spending:
    """Return the spending with its times moved to those of a clock that was set back.

    Otherwise a clock that was a year ahead for a moment would end the calls for a year.
    """
    back = spending.at - now
    if back <= _APART_MS:
        return spending
    return msgspec.structs.replace(
        spending,
        at=now,
        next_call_at=spending.next_call_at - back,
        paused_until=max(0, spending.paused_until - back),
    )
