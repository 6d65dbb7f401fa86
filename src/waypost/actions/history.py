"""The webhook history, searched and filtered: by endpoint, status, state, result, time, and what a receiver logs."""

from collections.abc import AsyncIterator, Mapping
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.actions.deliveries import Delivery, show
from waypost.actions.refusals import Fault, Invalid
from waypost.domain import ids
from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.history import Answered, HistoryFilter
from waypost.domain.statuses import SELECTABLE
from waypost.domain.times import read_rfc3339
from waypost.store import history
from waypost.store.history import LastAttempt
from waypost.store.statements import Session

EXAMINED: Final = 1_000
"""Deliveries examined for a page by a filter that no index has. The page may be short; the next one continues there."""

MOST_EXPORTED: Final = 100_000
"""The maximum deliveries in one file."""

LONGEST_SEARCH: Final = 100
_KINDS: Final = {"": None, "only": True, "none": False}


class HistoryEntry(msgspec.Struct, frozen=True):
    """A delivery in the history, with the result of its last attempt."""

    delivery: Delivery
    last: LastAttempt | None


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of the history. ``next_cursor`` is None on the last one."""

    items: list[HistoryEntry]
    next_cursor: str | None


class Search(msgspec.Struct, frozen=True):
    """A filter with what its search has found. ``is_cut``: more parcels match than are searched."""

    wanted: HistoryFilter
    is_cut: bool = False


async def read_filter(context: DatabaseContext, actor: Actor, given: Mapping[str, str]) -> Search:
    """Return the filter that people chose, by the names of the form's fields. Raise Invalid with all errors.

    ``search`` is a whole ``dlv_`` or ``evt_`` id, the beginning or end of a tracking number, or the beginning of an
    order number. ``since`` and ``until`` are RFC 3339.
    """
    wanted = _read(given)
    text = given.get("search", "").strip()
    if not text:
        return Search(wanted)
    async with context.database.serving.acquire() as session:
        return await _searched(session, actor.account, wanted, text)


async def find_entries(
    context: DatabaseContext, actor: Actor, wanted: HistoryFilter, cursor: str | None, limit: int
) -> HistoryPage:
    """Return a page of the history, newest first; ``cursor`` is the last page's ``next_cursor``."""
    before = ids.from_text(ids.DELIVERY, cursor or "")
    if before is not None and before < wanted.before:
        wanted = msgspec.structs.replace(wanted, before=before)
    async with context.database.serving.acquire() as session:
        found = await history.examine(session, actor.account, wanted, limit=limit, examined=EXAMINED)
    items = [HistoryEntry(show(row.delivery), row.last) for row in found.rows]
    return HistoryPage(items, None if found.before is None else ids.to_text(ids.DELIVERY, found.before))


async def every_entry(
    context: DatabaseContext, actor: Actor, wanted: HistoryFilter
) -> AsyncIterator[list[HistoryEntry]]:
    """Yield the history page by page, newest first, up to ``MOST_EXPORTED`` deliveries; no session is held between."""
    cursor, left = None, MOST_EXPORTED
    while left > 0:
        found = await find_entries(context, actor, wanted, cursor, min(left, EXAMINED))
        yield found.items
        left -= len(found.items)
        cursor = found.next_cursor
        if cursor is None:
            return


def _read(given: Mapping[str, str]) -> HistoryFilter:
    faults: list[Fault] = []
    endpoint = None
    if "endpoint" in given and (endpoint := ids.from_text(ids.ENDPOINT, given["endpoint"])) is None:
        faults.append(Fault("endpoint", "must be one of the options"))
    for name, options in (
        ("status", list(SELECTABLE)),
        ("state", [*Waiting, *Settled]),
        ("answered", [*Outcome, *Answered]),
        ("test", list(_KINDS)),
    ):
        if given.get(name) not in (None, *options):
            faults.append(Fault(name, "must be one of the options"))
    search = given.get("search", "")
    if len(search) > LONGEST_SEARCH or not search.isprintable():
        faults.append(Fault("search", f"must be at most {LONGEST_SEARCH} printable characters"))
    since, until = _time(given, "since", faults), _time(given, "until", faults)
    if since is not None and until is not None and since >= until:
        faults.append(Fault("until", "must be later than the beginning"))
    if faults:
        raise Invalid(faults)
    return HistoryFilter(
        after=since or ids.FIRST,
        before=until or ids.LAST,
        endpoint=endpoint,
        status=given.get("status"),
        state=given.get("state"),
        answered=given.get("answered"),
        tests=_KINDS[given.get("test", "")],
    )


def _time(given: Mapping[str, str], name: str, faults: list[Fault]) -> UUID | None:
    """Return the smallest id of a time."""
    if name not in given:
        return None
    at = read_rfc3339(given[name])
    if at is None or at.timestamp() < 0:
        faults.append(Fault(name, "must be a date and time"))
        return None
    return ids.first_at(at)


async def _searched(session: Session, account: UUID, wanted: HistoryFilter, text: str) -> Search:
    """Return the filter narrowed to what a text means. An id of another account finds nothing."""
    replace = msgspec.structs.replace
    if (delivery := ids.from_text(ids.DELIVERY, text)) is not None:
        return Search(_narrowed(wanted, delivery, UUID(int=delivery.int + 1)))
    if (event := ids.from_text(ids.EVENT, text)) is not None:
        tracking = await history.tracking_of(session, account, event)
        if tracking is not None:
            return Search(replace(wanted, trackings=(tracking,), event=event))
        return Search(replace(_narrowed(wanted, *history.at_its_time(event)), event=event))
    trackings, is_cut = await history.trackings_matching(session, account, text)
    return Search(replace(wanted, trackings=tuple(trackings)), is_cut)


def _narrowed(wanted: HistoryFilter, after: UUID, before: UUID) -> HistoryFilter:
    return msgspec.structs.replace(wanted, after=max(wanted.after, after), before=min(wanted.before, before))
