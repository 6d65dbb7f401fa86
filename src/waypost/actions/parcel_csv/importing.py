"""Import the parcels of a CSV file, for the command and the page.

The whole file is checked before its first parcel is registered. An interrupted import can simply be repeated: parcels
that are already registered are counted and not changed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import BinaryIO, Final

import msgspec

from waypost.actions.parcel_csv.rows import Mistake, Row, read_rows
from waypost.actions.parcel_fields import NewTracking
from waypost.actions.shared_numbers import SharedNumber
from waypost.domain.trackings import TrackingState
from waypost.turns import Turn

BATCH: Final = 500
MOST_SHOWN: Final = 1_000
"""The number of mistakes listed individually; the others are only counted."""

Register = Callable[[Sequence[NewTracking]], Awaitable[list[TrackingState | None]]]
"""Registers parcels; the result has None for each that is already registered."""
Compare = Callable[[Sequence[TrackingState | None]], Awaitable[list[SharedNumber]]]
"""Finds those of the registered parcels whose number is also tracked with another courier."""


class Stage(StrEnum):
    """A stage of the import of a CSV file."""

    CHECKING = "Checking"
    IMPORTING = "Importing"


Seen = Callable[[Stage, int], None]
"""Receives the number of bytes that a stage has read."""


class Imported(msgspec.Struct):
    """The result: the number of rows, and how many were registered, already existed, or have errors.

    ``imported`` is false if nothing was imported because of errors; ``mistakes`` lists the first ones. ``shared`` lists
    the first registered parcels whose number is also tracked with another courier.
    """

    rows: int = 0
    created: int = 0
    existing: int = 0
    mistaken: int = 0
    imported: bool = False
    mistakes: list[Mistake] = []
    shared: list[SharedNumber] = []

    def note(self, row: Row | Mistake) -> None:
        """Count a checked row."""
        self.rows += 1
        if isinstance(row, Mistake):
            self.mistaken += 1
            if len(self.mistakes) < MOST_SHOWN:
                self.mistakes.append(row)


async def import_file(
    file: BinaryIO,
    register: Register,
    compare: Compare,
    *,
    skip_mistakes: bool,
    seen: Seen,
    mapping: Mapping[str, str] | None = None,
) -> Imported:
    """Import a seekable file. If rows have errors, import nothing or, with ``skip_mistakes``, the other rows.

    ``mapping`` is that of ``read_rows``. Reading yields to other work of the event loop.
    """
    start, turn = file.tell(), Turn()
    done = await _check(read_rows(file, mapping), file, seen, turn)
    if done.mistaken and not skip_mistakes:
        return done
    file.seek(start)
    async for parcels in _batches(read_rows(file, mapping), turn):
        states = await register(parcels)
        done.existing += states.count(None)
        done.created += len(states) - states.count(None)
        if len(done.shared) < MOST_SHOWN:
            done.shared += (await compare(states))[: MOST_SHOWN - len(done.shared)]
        seen(Stage.IMPORTING, file.tell())
    done.imported = True
    return done


async def _check(rows: Iterator[Row | Mistake], file: BinaryIO, seen: Seen, turn: Turn) -> Imported:
    done = Imported()
    for row in rows:
        await turn.pause()
        done.note(row)
        if done.rows % BATCH == 0:
            seen(Stage.CHECKING, file.tell())
    seen(Stage.CHECKING, file.tell())
    return done


async def _batches(rows: Iterator[Row | Mistake], turn: Turn) -> AsyncIterator[list[NewTracking]]:
    batch: list[NewTracking] = []
    for row in rows:
        await turn.pause()
        if isinstance(row, Row):
            batch.append(row.parcel)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
