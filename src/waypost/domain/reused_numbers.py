"""Carriers use numbers again: which scans of an answer are the registered parcel's, and which an earlier one's."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from waypost.domain.times import read_time
from waypost.domain.trackings import TrackingState, Update

EARLIEST: Final = timedelta(days=90)
"""A shop registers a parcel at most this long after its first scan."""

_COMPACT: Final = re.compile(r"\d{8}", re.ASCII)
_BEGAN: Final = ("tracking_ship_date", "order_date")


def of_this_parcel(state: TrackingState, update: Update) -> Update:
    """Return an answer without the scans of an earlier parcel with the same number.

    An answer about an earlier parcel only has nothing of this one: its carrier does not know the number yet.
    """
    earliest = _earliest(state)
    kept = tuple([scan for scan in update.checkpoints if scan.checkpoint_date >= earliest])
    if len(kept) == len(update.checkpoints):
        return update
    if not kept:
        return Update(update.source, unknown_number=True, skipped=update.skipped)
    return msgspec.structs.replace(update, checkpoints=kept)


def _earliest(state: TrackingState) -> str:
    """Return the first day that a scan may be of, which also the shop's own dates may move back."""
    dates = [datetime.fromtimestamp(state.created_at / 1000, UTC)]
    dates += [at for name in _BEGAN if name in state.facts and (at := _day(state.facts[name].text)) is not None]
    return (min(dates) - EARLIEST).date().isoformat()


def _day(text: str) -> datetime | None:
    """Read a shop's date, also one such as 20260304, which is not a number of seconds."""
    written = text.strip()
    if _COMPACT.fullmatch(written):
        written = f"{written[:4]}-{written[4:6]}-{written[6:]}"
    return read_time(written)
