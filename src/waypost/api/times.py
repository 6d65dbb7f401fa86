"""Times as v1 writes and reads them: RFC 3339, UTC, milliseconds, ``Z``."""

from datetime import UTC, datetime


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
