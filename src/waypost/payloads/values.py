"""How the values of a state are shown in every version."""

from datetime import date
from functools import lru_cache
from time import gmtime, strftime
from typing import Final

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.facts import Fact
from waypost.domain.statuses import Status
from waypost.domain.trackings import DAY_MS, TrackingState

_MINUTES_HELD: Final = 4096
_RETURNED: Final = "exception010"
_EPOCH: Final = date(1970, 1, 1)


def fact_texts(known: dict[str, Fact], names: frozenset[str]) -> dict[str, str | None]:
    """Return the facts with these names as a body shows them; an empty text becomes None."""
    return {name: fact.text or None for name, fact in known.items() if name in names}


def fact_text(known: dict[str, Fact], name: str) -> str | None:
    """Return one fact as a body shows it; None if it is unknown or empty."""
    fact = known.get(name)
    return None if fact is None else fact.text or None


def updating(state: TrackingState) -> bool:
    """Return whether news is still expected: not for parcels that are archived, delivered, returned or expired."""
    ended = state.status in (Status.DELIVERED, Status.EXPIRED) or state.substatus == _RETURNED
    return not (state.archived or ended)


def stay_days(state: TrackingState) -> int:
    """Return the days from the newest scan to the last change of the tracking: how long it had not moved by then."""
    if not state.checkpoints:
        return 0
    scanned = date.fromisoformat(state.checkpoints[-1].checkpoint_date[:10])
    return max(0, state.updated_at // DAY_MS - (scanned - _EPOCH).days)


def utc_time(milliseconds: int) -> str:
    """Return the time of a record: ``YYYY-MM-DDTHH:MM:SS+00:00``."""
    minute, second = divmod(milliseconds // 1000, 60)
    return f"{_minute(minute)}:{second:02}+00:00"


def wall_minute(checkpoint_date: str) -> str:
    """Return a checkpoint's local time as V2 and V3 write it: ``YYYY-MM-DD HH:MM``."""
    return checkpoint_date[:16].replace("T", " ")


def event_line(scan: Checkpoint) -> str:
    """Return a scan in one line as V2 and V3 join it."""
    return ",".join([part for part in (scan.tracking_detail, scan.location, wall_minute(scan.checkpoint_date)) if part])


# Formatting a time costs as much as encoding a quarter of the body, and the times of a busy hour share few minutes.
@lru_cache(maxsize=_MINUTES_HELD)
def _minute(number: int) -> str:
    return strftime("%Y-%m-%dT%H:%M", gmtime(number * 60))
