"""When a disk will be full at the present rate, if events go once they are old."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

RECENT_DAYS: Final = 7


def days_until_full(
    spare: int, size_of_day: Mapping[date, int], *, today: date, history: timedelta
) -> tuple[int | None, int]:
    """Return in how many days the disk is full, and the bytes of an average day; None: it will not be.

    ``spare`` are the bytes that may still be used, ``size_of_day`` what each day's events and attempts take. The days
    before today that are among the last seven decide on the average; without one there is no average, and it is 0.
    """
    recent = [size for day, size in size_of_day.items() if timedelta(0) < today - day <= timedelta(days=RECENT_DAYS)]
    a_day = sum(recent) // len(recent) if recent else 0
    used = 0
    for ahead in range(1, history.days + 2):
        gone = today + timedelta(days=ahead) - history - timedelta(days=1)
        used += a_day - (size_of_day.get(gone, 0) if gone < today else a_day)
        if a_day and used > spare:
            return ahead, a_day
    return None, a_day
