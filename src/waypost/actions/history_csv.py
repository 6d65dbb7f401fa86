"""Export the webhook history as CSV, newest first, in cells that no spreadsheet evaluates."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.actions.history import HistoryEntry, every_entry
from waypost.actions.parcel_csv.cells import guard
from waypost.domain.history import HistoryFilter
from waypost.turns import Turn

COLUMNS: Final = (
    *("created_at", "state", "tracking_number", "courier_code", "status", "endpoint", "endpoint_id", "result"),
    *("http_status", "duration_ms", "last_attempt_at", "attempts", "settled_at", "test", "delivery_id", "event_id"),
)
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it, a spreadsheet assumes its country's legacy charset."""


async def export(
    context: DatabaseContext, actor: Actor, wanted: HistoryFilter, names: Mapping[str, str]
) -> AsyncIterator[bytes]:
    """Yield the file in pieces; ``names`` are those of the endpoints by their ids.

    Yields to other work of the event loop, and holds no connection between pages. At most ``MOST_EXPORTED`` deliveries
    are included.
    """
    yield (_BYTE_ORDER_MARK + _written([COLUMNS])).encode()
    turn = Turn(actor.account)
    async for entries in every_entry(context, actor, wanted):
        rows = []
        for entry in entries:
            await turn.pause()
            rows.append(_cells(entry, names))
        if rows:
            yield _written(rows).encode()


def _cells(entry: HistoryEntry, names: Mapping[str, str]) -> list[str]:
    one, last = entry.delivery, entry.last
    attempt = (None,) * 4 if last is None else (last.outcome, last.status_code, last.duration_ms, last.started_at)
    result, status_code, duration, at = attempt
    values = (
        *(one.created_at, one.state, one.tracking_number, one.courier_code, one.status),
        *(names.get(one.endpoint_id), one.endpoint_id, result, status_code, duration),
        *(None if at is None else at.isoformat(timespec="milliseconds"), one.attempt_count, one.settled_at),
        *("true" if one.test else "false", one.id, one.event_id),
    )
    return ["" if value is None else guard(str(value)) for value in values]


def _written(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
