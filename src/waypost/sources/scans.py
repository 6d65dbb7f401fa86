"""The scans of a carrier's answer as Checkpoints, and the scans that could not be accepted."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.merging import MOST_SCANS
from waypost.domain.readings import Reading, read
from waypost.domain.statuses import Status
from waypost.domain.trackings import Skipped, SkipReason
from waypost.sources import answers
from waypost.sources.reading import When, Where

_Event = TypeVar("_Event")


class Scans(msgspec.Struct, frozen=True):
    """The scans of an answer, oldest first, and those that were skipped."""

    checkpoints: tuple[Checkpoint, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def end_in_delivery(self) -> bool:
        """Whether the newest scan that says something is a delivery: only then can somebody have signed for it."""
        said = [one.checkpoint_delivery_status for one in self.checkpoints if one.checkpoint_delivery_status]
        return bool(said) and said[-1] is Status.DELIVERED


def began_latest(candidates: Iterable[tuple[_Event, Scans]]) -> tuple[_Event, Scans]:
    """Return the candidate whose first scan is the newest, of several equal ones the first: numbers are used again."""
    return max(candidates, key=lambda one: one[1].checkpoints[0].checkpoint_date if one[1].checkpoints else "")


def scan(
    *, when: When | None, detail: str | None, where: Where, says: Reading, raw_status: str | None
) -> Checkpoint | SkipReason:
    """Return the checkpoint, or why there is none: without a time or a text it could never be told from another."""
    if detail is None:
        return SkipReason.TEXT
    if when is None:
        return SkipReason.TIME
    checkpoint = Checkpoint(
        checkpoint_date=when.wall_time,
        tracking_detail=detail,
        location=where.location,
        country_iso2=where.country_iso2,
        state=where.state,
        city=where.city,
        zip=where.zip,
        raw_status=raw_status,
        offset_minutes=when.offset_minutes,
    )
    return read(checkpoint, says)


def take(
    raw: Iterable[msgspec.Raw] | None,
    kind: type[_Event],
    field: str,
    make: Callable[[_Event], Checkpoint | SkipReason],
    *,
    newest_first: bool = True,
) -> Scans:
    """Return the scans of a list, each read by ``make``: an unacceptable scan does not affect the others.

    If there are more than a parcel keeps, the newest are returned.

    ``newest_first`` says in which order the carrier writes them: scans of the same second keep their order.
    """
    made = (
        (where, event if isinstance(event, Skipped) else make(event))
        for where, event in answers.each(raw or (), kind, field)
    )
    return collect(made, newest_first=newest_first)


def collect(made: Iterable[tuple[str, Checkpoint | SkipReason | Skipped]], *, newest_first: bool = True) -> Scans:
    """Return what was made of each scan of an answer, with its place in it: see ``take``, which reads JSON."""
    checkpoints: list[Checkpoint] = []
    skipped: list[Skipped] = []
    for where, one in made:
        if isinstance(one, Checkpoint):
            checkpoints.append(one)
        else:
            skipped.append(Skipped(where, one) if isinstance(one, SkipReason) else one)
    if newest_first:
        checkpoints.reverse()
    checkpoints.sort(key=lambda one: one.checkpoint_date)
    return Scans(tuple(checkpoints[-MOST_SCANS:]), tuple(skipped))
