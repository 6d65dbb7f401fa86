"""The statistics of endpoints, hour by hour, read for pages and calls. ``hour_counts`` counts them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

import msgspec

from waypost.domain.latency import ARRIVAL_BOUNDS_MS, BOUNDS_MS, TimeOuts, percentile, prompt
from waypost.store.statements import Session, fetch

_NUMBERS: Final = ("delivered", "failed", "attempts", "failed_attempts", "flawed_answers", "timed_out", "timed_out_ms")


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at an endpoint, or at several, in some time; tests are not counted.

    ``latency`` and ``arrival`` count response times and times from event to acceptance, by the bounds of
    ``domain.latency``. ``flawed_answers`` are responses that accepted a webhook but had a faulty body.
    """

    delivered: int
    failed: int
    attempts: int
    failed_attempts: int
    flawed_answers: int
    timed_out: int
    timed_out_ms: int
    latency: list[int]
    arrival: list[int]

    @property
    def success_rate(self) -> float | None:
        """The share of succeeded deliveries among those that succeeded or failed; None if there are none."""
        ended = self.delivered + self.failed
        return self.delivered / ended if ended else None

    def response_ms(self, share: float) -> int | None:
        """Return the response time that this share of the attempts does not exceed; time-outs count as their limit."""
        return percentile(self.latency, share, timed_out=TimeOuts(self.timed_out, self.timed_out_ms))

    def arrival_ms(self, share: float) -> int | None:
        """Return the time from event to acceptance that this share of the accepted deliveries does not exceed."""
        return percentile(self.arrival, share, bounds=ARRIVAL_BOUNDS_MS)

    def prompt_rate(self, overdue: int) -> float | None:
        """Return the share of deliveries that were accepted promptly.

        The others are those that were accepted later, those that failed, and ``overdue`` ones that still wait. None if
        there are none, or if an earlier version, which did not measure it, counted most of them.
        """
        measured = sum(self.arrival)
        known = measured + self.failed + overdue
        return prompt(self.arrival) / known if known and self.delivered <= 2 * measured else None


class Hour(Sum, frozen=True, kw_only=True):
    """What happened at an endpoint in the hour that begins at ``hour``."""

    endpoint: UUID
    hour: datetime


async def of_endpoints(session: Session, endpoints: Sequence[UUID], since: datetime, until: datetime) -> list[Hour]:
    """Return the hours of endpoints in which something happened, starting with that of ``since``, oldest first."""
    first = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    rows = await fetch(session, "hours", list(endpoints), first, until, first.date(), until.astimezone(UTC).date())
    return [msgspec.convert(dict(row), Hour, strict=False) for row in rows]


class AttemptsOfDay(msgspec.Struct, frozen=True):
    """The attempts at an endpoint on a day (UTC), without tests."""

    day: date
    attempts: int
    failed_attempts: int


async def days_of(session: Session, endpoint: UUID, first: date, last: date) -> list[AttemptsOfDay]:
    """Return the days of an endpoint on which something was sent."""
    return [AttemptsOfDay(**row) for row in await fetch(session, "days", endpoint, first, last)]


def together(hours: Iterable[Hour]) -> list[Hour]:
    """Return the hours of several endpoints as if they were one, oldest first."""
    by_hour: dict[datetime, list[Hour]] = {}
    for one in hours:
        by_hour.setdefault(one.hour, []).append(one)
    return [_merged(found) for _, found in sorted(by_hour.items())]


def _merged(found: Sequence[Hour]) -> Hour:
    return Hour(endpoint=found[0].endpoint, hour=found[0].hour, **msgspec.structs.asdict(add_up(found)))


def add_up(hours: Iterable[Sum]) -> Sum:
    """Return the sum of rows of an endpoint's hours."""
    found = list(hours)
    numbers = {name: sum(getattr(one, name) for one in found) for name in _NUMBERS}
    return Sum(
        **numbers,
        latency=_by_place((one.latency for one in found), len(BOUNDS_MS)),
        arrival=_by_place((one.arrival for one in found), len(ARRIVAL_BOUNDS_MS)),
    )


def _by_place(counts: Iterable[Sequence[int]], length: int) -> list[int]:
    """Add up lists of counts; what an earlier version counted lacks some of them."""
    total = [0] * length
    for some in counts:
        for place, count in enumerate(some):
            total[place] += count
    return total
