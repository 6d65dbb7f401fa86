"""A checkpoint: one scan that a carrier reports of a parcel, and when two of them are the same."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from waypost.domain.statuses import Status, progress

WALL_TIME: Final = "%Y-%m-%dT%H:%M:%S"


class Checkpoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """One scan of a parcel.

    ``checkpoint_date`` is local wall time (``YYYY-MM-DDTHH:MM:SS``); ``offset_minutes`` is its distance to UTC where
    the carrier gave one. ``observed_at`` (Unix milliseconds) is when its source said so: of two reports of the same
    scan the later one holds.
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


Identity = tuple[str, str, str]


def identity(checkpoint: Checkpoint) -> Identity:
    """Give what makes two reports the same scan: local time, detail with white space folded, and location."""
    return (
        checkpoint.checkpoint_date,
        " ".join(checkpoint.tracking_detail.split()),
        checkpoint.location or "",
    )


def content(checkpoint: Checkpoint) -> tuple[object, ...]:
    """Give all that a receiver could see of a checkpoint; without ``observed_at``."""
    fields = msgspec.structs.astuple(checkpoint)
    return fields[:-1]


def merge(known: tuple[Checkpoint, ...], reported: tuple[Checkpoint, ...]) -> tuple[Checkpoint, ...]:
    """Unite two lists of scans, oldest first. Nothing is deleted by being left out of a list.

    The result depends on the set of reports only, not on the order in which they came: of two reports of one scan
    the one observed last holds, and of two observed at once the greater one.
    """
    if not reported:
        return known
    by_identity = {identity(checkpoint): checkpoint for checkpoint in known}
    for checkpoint in reported:
        key = identity(checkpoint)
        held = by_identity.get(key)
        if held is None or _precedes(held, checkpoint):
            by_identity[key] = checkpoint
    by_utc = all(checkpoint.offset_minutes is not None for checkpoint in by_identity.values())
    ordered = sorted(by_identity.items(), key=lambda item: _order(*item, by_utc=by_utc))
    return tuple([checkpoint for _, checkpoint in ordered])


def _precedes(held: Checkpoint, reported: Checkpoint) -> bool:
    if held.observed_at != reported.observed_at:
        return held.observed_at < reported.observed_at
    return _texts(held) < _texts(reported)


def _texts(checkpoint: Checkpoint) -> tuple[str, ...]:
    return tuple("" if value is None else str(value) for value in content(checkpoint))


def _order(key: Identity, checkpoint: Checkpoint, *, by_utc: bool) -> tuple[str, int, str, Identity]:
    """Sort by UTC when all scans have one, else by wall time; never one against the other.

    Scans of one second are ordered by how far along the journey they say the parcel is.
    """
    return (
        _utc(checkpoint) if by_utc else checkpoint.checkpoint_date,
        progress(checkpoint.checkpoint_delivery_status),
        checkpoint.checkpoint_delivery_substatus or "",
        key,
    )


def _utc(checkpoint: Checkpoint) -> str:
    """Give the time of a scan that has an offset in UTC; at the very ends of the calendar there is none."""
    if not checkpoint.offset_minutes:
        return checkpoint.checkpoint_date
    local = datetime.strptime(checkpoint.checkpoint_date, WALL_TIME)  # noqa: DTZ007 - its offset is beside it
    try:
        return (local - timedelta(minutes=checkpoint.offset_minutes)).strftime(WALL_TIME)
    except OverflowError:
        return checkpoint.checkpoint_date
