"""Times as people and programs write them: reads many forms, and writes RFC 3339 (UTC, milliseconds, ``Z``)."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?P<offset>Z|[ +-]\d\d:?\d\d)?)?", re.ASCII
)
_SECONDS: Final = re.compile(r"\d{9,11}", re.ASCII)
_YEARS: Final = range(1970, 9999)
"""No ids exist beyond these times, and nothing can be added to them."""
_WALL_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ]((?:[01]\d|2[0-3]):\d\d)(:\d\d)?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII | re.IGNORECASE
)
_WALL_YEARS: Final = range(1970, 2101)
"""A time closer to the ends of the calendar can't be converted to UTC."""
_LONGEST_OFFSET: Final = timedelta(hours=14)
_MINUTE: Final = timedelta(minutes=1)
_LONGEST: Final = 64


def read_time(text: str) -> datetime | None:
    """Return the time of a date, a date and time (UTC without an offset), or Unix seconds; None for anything else.

    A ``+`` that was not encoded arrives as a space and is accepted.
    """
    at = _read(text.strip())
    return at if at is not None and at.year in _YEARS else None


def _read(text: str) -> datetime | None:
    match = _TIME.fullmatch(text)
    try:
        if match is not None:
            offset = (match["offset"] or "Z").replace(" ", "+")
            return datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{offset}").astimezone(UTC)
        return datetime.fromtimestamp(int(text), UTC) if _SECONDS.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def rfc3339(at: datetime) -> str:
    """Return an aware time as text."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def spoken(at: datetime) -> str:
    """Return an aware time as sentences contain it, to the minute, such as ``30 Nov 2026, 10:38 UTC``."""
    return f"{at.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def rfc3339_or_none(at: datetime | None) -> str | None:
    """Return a time that may be missing as text."""
    return None if at is None else rfc3339(at)


def read_rfc3339(text: str) -> datetime | None:
    """Return a time with ``Z`` or an offset; None for anything else, or for one outside the calendar in UTC.

    A ``+`` that arrived as a space is accepted.
    """
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_wall_time(text: str) -> tuple[str, int | None] | None:
    """Return local wall time (``YYYY-MM-DDTHH:MM:SS``) and its offset in minutes, None for no offset.

    A date without a time is its first moment. Returns None for anything that is not a time, or is not between 1970 and
    2100.
    """
    return _read_wall_time(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=8192)
def _read_wall_time(text: str) -> tuple[str, int | None] | None:
    found = _WALL_TIME.fullmatch(text.strip())
    if found is None:
        return None
    day, minute, second, offset = found.groups()
    try:
        when = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{(offset or '').upper()}")
    except ValueError:
        return None
    if when.year not in _WALL_YEARS:
        return None
    distance = when.utcoffset()
    if distance is None:
        return when.isoformat(), None
    return (when.replace(tzinfo=None).isoformat(), distance // _MINUTE) if abs(distance) <= _LONGEST_OFFSET else None


def from_ms(at: int) -> datetime:
    """Return the datetime of Unix milliseconds."""
    return datetime.fromtimestamp(at / 1000, UTC)
