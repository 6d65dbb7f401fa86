"""Times as people and programs write them: many forms are read, and RFC 3339 (UTC, milliseconds, ``Z``) is written."""

import re
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?P<offset>Z|[ +-]\d\d:?\d\d)?)?", re.ASCII
)
_SECONDS: Final = re.compile(r"\d{9,11}", re.ASCII)
_YEARS: Final = range(1970, 9999)
"""Beyond them there are no ids, and nothing can be added."""


def read_time(text: str) -> datetime | None:
    """Read a date, a date and time with or without offset (then UTC), or Unix seconds; None for what is none of them.

    A ``+`` that was not encoded has arrived as a space.
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
    """Write a time that knows its offset."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def rfc3339_or_none(at: datetime | None) -> str | None:
    """Write a time that may be absent."""
    return None if at is None else rfc3339(at)


def read_rfc3339(text: str) -> datetime | None:
    """Read a time with ``Z`` or an offset; None for what is none, or lies beyond the calendar in UTC.

    A ``+`` that arrived as a space is understood.
    """
    try:
        at = datetime.fromisoformat(text.strip().replace(" ", "+"))
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
