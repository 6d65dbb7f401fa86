"""The database's time: the only one that decides, since this machine's own clock may be wrong or may jump."""

import time
from collections.abc import Callable

from waypost.store.statements import Session, fetch_one


class DatabaseClock:
    """The database's time in Unix milliseconds, for those who need it more often than they can read it.

    Between two readings it advances with the monotonic clock. ``ahead`` is how many milliseconds it is ahead, to find
    out what happens later.
    """

    def __init__(self, ahead: Callable[[], int] = lambda: 0) -> None:
        self._ahead = ahead
        self._began = time.time_ns() // 1_000_000 - _monotonic_ms()

    async def read(self, session: Session) -> int:
        """Return the database's time."""
        row = await fetch_one(session, "database_time")
        assert row is not None  # noqa: S101 - a select without FROM gives a row
        self._began = round(row["now"].timestamp() * 1000) - _monotonic_ms()
        return self()

    def __call__(self) -> int:
        """Return the time by the latest reading."""
        return self._began + _monotonic_ms() + self._ahead()


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000
