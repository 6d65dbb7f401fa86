"""A checkpoint: one scan that a carrier reports for a parcel, and when two of them are the same."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from waypost.domain.statuses import Status, progress

WALL_TIME: Final = "%Y-%m-%dT%H:%M:%S"
_MIDNIGHT: Final = "T00:00:00"
_IN_TURN: Final = (Status.TRANSIT, Status.PICKUP, Status.DELIVERED)
"""The statuses that parcels pass through in this order."""


class Basis(StrEnum):
    """The basis of a scan's reading. Codes take precedence over texts, and finer codes over general ones."""

    CODE = "code"
    """A carrier's code that says what happened; its text may have refined it within the same main status."""

    GENERAL_CODE = "general_code"
    """A carrier's code that says little, such as DHL's ``transit``: it never overrides better knowledge."""

    TEXT = "text"
    """The scan's text, even if it could not be read; then the scan has no status."""

    REPORTER = "reporter"
    """The status was given through the API by whoever reported the scan."""


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One scan of a parcel.

    ``checkpoint_date`` is local wall time (``YYYY-MM-DDTHH:MM:SS``); ``offset_minutes`` is its offset from UTC if the
    carrier gave one. ``observed_at`` (Unix milliseconds) is when its source reported it: of two reports of the same
    scan the later one wins. The reading is the status, the substatus, their ``basis`` and whether a text was
    ``doubtful``. ``beside`` is a checksum of anything else that was read besides code and detail, such as a remark; 0
    for nothing.

    Without a ``basis``, a reported scan has not been read yet, or its reporter gave a status; a stored one was written
    by a version that stored no basis.
    """

    checkpoint_date: str
    tracking_detail: str
    location: str | None = None
    country_iso2: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None
    raw_status: str | None = None
    checkpoint_delivery_status: Status | None = None
    checkpoint_delivery_substatus: str | None = None
    offset_minutes: int | None = None
    observed_at: int = 0
    basis: Basis | None = None
    doubtful: bool = False
    beside: int = 0


Identity = tuple[str, str, str]


def fold(text: str | None) -> str:
    """Return a text with its white space collapsed, since spacing carries no meaning."""
    return " ".join(text.split()) if text else ""


def identity(checkpoint: Checkpoint) -> Identity:
    """Return what identifies a scan across reports: local time, and collapsed detail and location.

    Two reports with equal identities are of one scan unless both have an offset and the offsets differ.
    """
    return checkpoint.checkpoint_date, fold(checkpoint.tracking_detail), fold(checkpoint.location)


def shows_the_same(one: Checkpoint, other: Checkpoint) -> bool:
    """Return whether payloads show two checkpoints alike, apart from white space. No payload shows an offset."""
    return (
        one.checkpoint_date == other.checkpoint_date
        and one.checkpoint_delivery_status is other.checkpoint_delivery_status
        and (one.checkpoint_delivery_substatus or "") == (other.checkpoint_delivery_substatus or "")
        and (one.country_iso2 or "") == (other.country_iso2 or "")
        and _is_spelling_of(one.tracking_detail, other.tracking_detail)
        and _is_spelling_of(one.location, other.location)
        and _is_spelling_of(one.city, other.city)
        and _is_spelling_of(one.state, other.state)
        and _is_spelling_of(one.zip, other.zip)
        and _is_spelling_of(one.raw_status, other.raw_status)
    )


def _is_spelling_of(one: str | None, other: str | None) -> bool:
    return one == other or fold(one) == fold(other)


def precedes(held: Checkpoint, reported: Checkpoint) -> bool:
    """Return whether a report supersedes another of the same scan: observed later, or at the same time and greater."""
    if held.observed_at != reported.observed_at:
        return held.observed_at < reported.observed_at
    return held != reported and _texts(held) < _texts(reported)


def _texts(checkpoint: Checkpoint) -> tuple[str, ...]:
    return tuple(["" if value is None else str(value) for value in msgspec.structs.astuple(checkpoint)])


def in_order(scans: list[Checkpoint]) -> list[Checkpoint]:
    """Return scans oldest first: by UTC if all have an offset, otherwise all by wall time.

    Scans of the same second are ordered by how far along the journey they say the parcel is. One of which only the day
    is known is counted as of midnight, but follows those of its day that are less far along.
    """
    by_utc = None not in [scan.offset_minutes for scan in scans]
    instants = [
        _utc(scan.checkpoint_date, scan.offset_minutes or 0) if by_utc else scan.checkpoint_date for scan in scans
    ]
    if not by_utc and True in [instant.endswith(_MIDNIGHT) for instant in instants]:
        instants = [instant for instant, _ in _with_days_placed(list(zip(instants, scans, strict=True)))]
    are_distinct = len(set(instants)) == len(instants)
    if are_distinct and instants == sorted(instants):  # nearly always: what is known is in order, and news come last
        return scans
    keyed = sorted(zip(instants, scans, strict=True), key=_instant)
    return [scan for _, scan in (keyed if are_distinct else sorted(keyed, key=_within_a_second))]


def _with_days_placed(keyed: list[tuple[str, Checkpoint]]) -> list[tuple[str, Checkpoint]]:
    """Return scans with their wall times; those of a day only with the time of the last scan that they follow."""
    if not any(_is_of_a_day(scan) for _, scan in keyed):
        return keyed
    timed: dict[str, list[tuple[str, int]]] = {}
    for instant, scan in keyed:
        if not _is_of_a_day(scan):
            timed.setdefault(instant[:10], []).append((instant, progress(scan.checkpoint_delivery_status)))
    return [
        (_after(instant, scan, timed.get(instant[:10], [])), scan) if _is_of_a_day(scan) else (instant, scan)
        for instant, scan in keyed
    ]


def _after(midnight: str, scan: Checkpoint, timed: list[tuple[str, int]]) -> str:
    rank = progress(scan.checkpoint_delivery_status)
    return max((instant for instant, other in timed if 0 <= other < rank), default=midnight)


def _is_of_a_day(scan: Checkpoint) -> bool:
    """Return whether only the day of a scan is known, and its status says after which others of the day it was."""
    return (
        scan.offset_minutes is None
        and scan.checkpoint_delivery_status in _IN_TURN
        and scan.checkpoint_date.endswith(_MIDNIGHT)
    )


def _instant(keyed: tuple[str, Checkpoint]) -> str:
    return keyed[0]


def _within_a_second(keyed: tuple[str, Checkpoint]) -> tuple[str, int, str, Identity, int]:
    instant, scan = keyed
    rank = progress(scan.checkpoint_delivery_status)
    offset = 0 if scan.offset_minutes is None else -scan.offset_minutes
    return instant, rank, scan.checkpoint_delivery_substatus or "", identity(scan), offset


@lru_cache(maxsize=8192)
def _utc(checkpoint_date: str, offset_minutes: int) -> str:
    """Return a wall time in UTC; one that would leave the calendar is returned unchanged."""
    if not offset_minutes:
        return checkpoint_date
    try:
        return (datetime.fromisoformat(checkpoint_date) - timedelta(minutes=offset_minutes)).isoformat()
    except OverflowError:
        return checkpoint_date
