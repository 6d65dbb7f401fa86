"""Pages of trackings by number: the beginning of one is found by counting, not by reading everything before it."""

from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from asyncpg import Record

from waypost.domain import ids
from waypost.store import trackings
from waypost.store.statements import Session, fetch
from waypost.store.trackings import BEGINNING, END, Filter, TrackingRow

NEAR: Final = 200
"""Up to this many are simply skipped."""

SLICES: Final = 32
"""The slices of each walk: more are more steps of the index, each of all lanes; with fewer, more is counted twice."""

_MICROSECOND: Final = timedelta(microseconds=1)


class _Line(NamedTuple):
    """A list as a line of whole numbers: the function that counts along it, and how a number is written."""

    ask: Callable[[int, object, list[object]], Awaitable[list[Record]]]
    write: Callable[[int], object]
    read: Callable[[Any], int]


class _Stretch(NamedTuple):
    """The range from ``least`` to before ``until``, most of it between ``oldest`` and ``newest``."""

    until: int
    least: int
    newest: int
    oldest: int

    def slices(self) -> list[int]:
        """Return the lower ends of its slices from the top down; the last one is ``least``."""
        top, bottom = min(self.until, self.newest), max(self.least, self.oldest)
        bounds = {top - (top - bottom) * place // SLICES for place in range(SLICES + 1)}
        return sorted({bound for bound in bounds if self.least < bound < self.until} | {self.least}, reverse=True)


async def numbered_page(
    session: Session, account: UUID, wanted: Filter, *, limit: int, skipped: int, near: int = NEAR
) -> list[TrackingRow]:
    """Return what ``trackings.page`` returns, even if very many are skipped."""
    if skipped > near and wanted.numbers is None and wanted.search is None:
        come_near = _near_by_change if wanted.by_change else _near_by_id
        wanted, skipped = await come_near(session, account, wanted, skipped, near)
    return await trackings.page(session, account, wanted, limit=limit, skipped=skipped)


async def _near_by_id(session: Session, account: UUID, wanted: Filter, skipped: int, near: int) -> tuple[Filter, int]:
    """Return a filter that begins near the page, and how many are left to skip."""
    lanes = await _lanes_of(session, account, wanted)

    async def count(skipped: int, until: object, bounds: list[object]) -> list[Record]:
        if wanted.courier is None:
            archived, statuses = _columns({lane[1:] for lane in lanes}, 2)
            return await fetch(session, "pass_lanes", account, archived, statuses, skipped, until, bounds)
        couriers, archived, statuses = _columns(lanes, 3)
        walked = (account, archived, statuses, skipped, until, bounds, couriers)
        return await fetch(session, "pass_courier_lanes", *walked)

    # All that an account has was registered after the account itself, and before now.
    newest, oldest = ids.first_at(datetime.now(UTC)).int, ids.made_at(account) << 80
    line = _Line(count, lambda number: UUID(int=number), lambda identifier: int(identifier.int))
    until, left = await _walk(line, _Stretch(wanted.before.int, wanted.after.int, newest, oldest), skipped, near)
    return msgspec.structs.replace(wanted, before=UUID(int=until)), left


async def _near_by_change(
    session: Session, account: UUID, wanted: Filter, skipped: int, near: int
) -> tuple[Filter, int]:
    """Do as ``_near_by_id`` in the order of changes."""
    couriers, archived, statuses = _columns(await _lanes_of(session, account, wanted), 3)

    async def count(skipped: int, until: object, bounds: list[object]) -> list[Record]:
        walked = (account, archived, statuses, skipped, until, bounds, couriers)
        return await fetch(session, "pass_updated_lanes", *walked, *wanted.asked_ids)

    stretch = _Stretch(
        until=_microseconds(wanted.updated_before or END),
        least=_microseconds(wanted.updated_after or BEGINNING),
        newest=_microseconds(datetime.now(UTC)),
        oldest=ids.made_at(account) * 1000,
    )
    until, left = await _walk(_Line(count, _time, _microseconds), stretch, skipped, near)
    return msgspec.structs.replace(wanted, updated_before=_time(until)), left


async def _walk(line: _Line, stretch: _Stretch, skipped: int, near: int) -> tuple[int, int]:
    """Walk down the line in ever smaller slices; return up to where all is skipped, and how many are left to skip.

    Changes within the same microsecond can't be divided.
    """
    while skipped > near and stretch.until - stretch.least > 1:
        bounds = [line.write(bound) for bound in stretch.slices()]
        beyond, before = await line.ask(skipped, line.write(stretch.until), bounds)
        least = line.read(beyond["until"])
        if beyond["passed"] <= skipped:  # the list ends before the page
            return least, skipped - beyond["passed"]
        until, skipped = line.read(before["until"]), skipped - before["passed"]
        stretch = _Stretch(until, least, newest=until, oldest=least)
    return stretch.until, skipped


async def _lanes_of(session: Session, account: UUID, wanted: Filter) -> list[tuple[str, bool, str]]:
    """Return the lanes that must be read and are not empty: courier code, whether archived, status."""
    archived, statuses = wanted.lanes
    return [
        (row["courier_code"], row["archived"], row["status"])
        for row in await fetch(session, "lanes_of_trackings", account)
        if row["archived"] in archived and row["status"] in statuses and wanted.courier in (None, row["courier_code"])
    ]


def _columns(rows: Collection[tuple[object, ...]], count: int) -> list[list[object]]:
    """Return rows column by column, as SQL takes them."""
    return [[row[place] for row in rows] for place in range(count)]


def _microseconds(at: datetime) -> int:
    return (at - BEGINNING) // _MICROSECOND


def _time(microseconds: int) -> datetime:
    return BEGINNING + microseconds * _MICROSECOND
