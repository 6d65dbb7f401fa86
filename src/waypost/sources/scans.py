"""One scan of a carrier's answer as a Checkpoint."""

from waypost.domain.checkpoints import Basis, Checkpoint
from waypost.domain.statuses import status_of
from waypost.sources.codes import Interpretation
from waypost.sources.reading import When, Where


def scan(
    *, when: When | None, detail: str | None, where: Where, says: Interpretation, raw_status: str | None
) -> Checkpoint | None:
    """Return the checkpoint; None for a scan without a time or a text, which could never be told from another."""
    if when is None or detail is None:
        return None
    return Checkpoint(
        checkpoint_date=when.wall_time,
        tracking_detail=detail,
        location=where.location,
        country_iso2=where.country_iso2,
        state=where.state,
        city=where.city,
        zip=where.zip,
        raw_status=raw_status,
        checkpoint_delivery_status=None if says.substatus is None else status_of(says.substatus),
        checkpoint_delivery_substatus=says.substatus,
        offset_minutes=when.offset_minutes,
        basis=Basis(says.basis),
    )
