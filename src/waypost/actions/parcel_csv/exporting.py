"""Export all parcels of an account as CSV, newest first, in a form that can be imported again."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Final

import msgspec

from waypost.actions.actor import Actor
from waypost.actions.context import DatabaseContext
from waypost.actions.parcel_csv.cells import guard
from waypost.actions.parcel_csv.rows import SHOWN_COLUMNS
from waypost.domain.facts import SHOP_FACTS
from waypost.domain.trackings import TrackingState
from waypost.payloads.v4 import tracking_object
from waypost.store import trackings
from waypost.turns import Turn

PAGE: Final = 200
"""A page of parcels of maximum size is 50 MiB."""

COLUMNS: Final = ("tracking_number", "courier_code", *SHOP_FACTS, *SHOWN_COLUMNS)
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it, a spreadsheet assumes its country's legacy charset."""


async def export(context: DatabaseContext, actor: Actor) -> AsyncIterator[bytes]:
    """Yield the file in pieces, with at most one page of parcels in memory and no connection held between pages.

    Yields to other work of the event loop. Parcels registered during the export are not included.
    """
    yield (_BYTE_ORDER_MARK + _written([COLUMNS])).encode()
    wanted, turn = trackings.Filter(), Turn(actor.account)
    while True:
        async with context.database.serving.acquire() as session:
            rows = await trackings.page(session, actor.account, wanted, limit=PAGE)
        cells = []
        for row in rows:
            await turn.pause()
            cells.append(_cells(row.state))
        if cells:
            yield _written(cells).encode()
        if len(rows) < PAGE:
            return
        wanted = msgspec.structs.replace(wanted, before=rows[-1].id)


def _cells(state: TrackingState) -> list[str]:
    shown = tracking_object(state)
    facts = [state.facts[name].text if name in state.facts else "" for name in SHOP_FACTS]
    seen = [getattr(shown, name) for name in SHOWN_COLUMNS]
    texts = [state.tracking_number, state.courier_code, *facts, *("" if one is None else str(one) for one in seen)]
    return [guard(text) for text in texts]


def _written(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
