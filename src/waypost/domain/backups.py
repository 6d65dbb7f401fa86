"""When a backup is due, and which of the earlier ones are kept: seven days and four weeks."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

EVERY: Final = timedelta(days=1)
DAYS: Final = 7
WEEKS: Final = 4
_EARLY: Final = timedelta(minutes=30)
"""A backup that is due within this time is made now, so that its time of day does not wander."""


def is_due(made: Collection[datetime], now: datetime) -> bool:
    """Return whether a backup has to be made; ``made`` are the times of those there are."""
    return not made or now - max(made) >= EVERY - _EARLY


def kept(made: Collection[datetime]) -> set[datetime]:
    """Return which backups are kept: the newest of each of the last seven days and four weeks that have one.

    The newest is always among them. Days and weeks (from Monday) are those of the times' own zone.
    """
    newest_first = sorted(made, reverse=True)
    by_day = {one.date(): one for one in reversed(newest_first)}
    by_week = {one.isocalendar()[:2]: one for one in reversed(newest_first)}
    days = sorted(by_day.values(), reverse=True)[:DAYS]
    weeks = sorted(by_week.values(), reverse=True)[:WEEKS]
    return {*days, *weeks}
