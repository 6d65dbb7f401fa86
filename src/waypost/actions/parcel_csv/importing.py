"""Registers the parcels of a CSV file, for the command and the page alike: nothing is half done.

A file is checked whole before its first parcel is registered. An import that was broken off is simply done again: what
is there already is counted, and nothing of it is changed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum
from typing import BinaryIO, Final

import msgspec

from waypost.actions.parcel_csv.rows import Mistake, Row, read_rows
from waypost.actions.parcel_fields import NewTracking
from waypost.domain.trackings import TrackingState
from waypost.turns import Turn

BATCH: Final = 500
MOST_SHOWN: Final = 1_000
"""So many mistakes are said one by one; the others are counted."""

Register = Callable[[Sequence[NewTracking]], Awaitable[list[TrackingState | None]]]
"""Registers parcels; None for each that is there already."""


class Stage(StrEnum):
    """What is being done with the file."""

    CHECKING = "Checking"
    IMPORTING = "Importing"


Seen = Callable[[Stage, int], None]
"""Hears how many bytes of the file a stage has read."""


class Imported(msgspec.Struct):
    """What became of a file: its rows, and how many of them were registered, were there already, or are wrong.

    ``imported`` is false where nothing was done because rows are wrong; ``mistakes`` are the first of them.
    """

    rows: int = 0
    created: int = 0
    existing: int = 0
    mistaken: int = 0
    imported: bool = False
    mistakes: list[Mistake] = []

    def note(self, row: Row | Mistake) -> None:
        """Count a row that was checked."""
        self.rows += 1
        if isinstance(row, Mistake):
            self.mistaken += 1
            if len(self.mistakes) < MOST_SHOWN:
                self.mistakes.append(row)


async def import_file(file: BinaryIO, register: Register, *, skip_mistakes: bool, seen: Seen) -> Imported:
    """Register the parcels of a file that can be rewound; with mistakes none, or those of the other rows.

    Reading it takes turns with whatever else the loop does.
    """
    start, turn = file.tell(), Turn()
    done = await _check(file, seen, turn)
    if done.mistaken and not skip_mistakes:
        return done
    file.seek(start)
    async for parcels in _batches(file, turn):
        states = await register(parcels)
        done.existing += states.count(None)
        done.created += len(states) - states.count(None)
        seen(Stage.IMPORTING, file.tell())
    done.imported = True
    return done


async def _check(file: BinaryIO, seen: Seen, turn: Turn) -> Imported:
    done = Imported()
    for row in read_rows(file):
        await turn.pause()
        done.note(row)
        if done.rows % BATCH == 0:
            seen(Stage.CHECKING, file.tell())
    seen(Stage.CHECKING, file.tell())
    return done


async def _batches(file: BinaryIO, turn: Turn) -> AsyncIterator[list[NewTracking]]:
    batch: list[NewTracking] = []
    for row in read_rows(file):
        await turn.pause()
        if isinstance(row, Row):
            batch.append(row.parcel)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
