"""All parcels of an account as lines of CSV, newest first, which an import takes as they are."""

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
"""Of parcels at their bounds these are 50 MiB."""

COLUMNS: Final = ("tracking_number", "courier_code", *SHOP_FACTS, *SHOWN_COLUMNS)
_BYTE_ORDER_MARK: Final = "\ufeff"
"""Without it a spreadsheet takes the file for one in its country's old charset."""


async def export(context: DatabaseContext, actor: Actor) -> AsyncIterator[bytes]:
    """Give the file piece by piece; no more than a page of parcels is held, and no connection between two pages.

    It takes turns with whatever else the loop does. A parcel that is registered while it runs is not in it.
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
