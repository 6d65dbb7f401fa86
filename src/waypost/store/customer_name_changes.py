"""Adds the customers' names to the rows of parcels that were registered before names could be searched."""

from typing import Final

from waypost.domain import ids
from waypost.domain.ids import FIRST
from waypost.store.intake_rows import found_by
from waypost.store.statements import Session, execute, fetch
from waypost.store.states import unpack
from waypost.turns import Turn

A_TIME: Final = 200


async def name_older_trackings(session: Session) -> int:
    """Compare the name in the row of each tracking with its state, some at a time; return how many rows changed."""
    turn, changed, last = Turn(), 0, FIRST
    while rows := await fetch(session, "trackings_to_name", last, A_TIME):
        wrong = []
        for row in rows:
            await turn.pause()
            name = found_by(unpack(row["state"])).customer_name
            if name != row["customer_name"]:
                wrong.append((ids.bucket(row["id"]), row["id"], row["version"], name))
        if wrong:
            columns = [list(column) for column in zip(*wrong, strict=True)]
            await execute(session, "name_trackings", sorted(set(columns[0])), *columns)
        changed, last = changed + len(wrong), rows[-1]["id"]
    return changed
