"""Shares the keeper's duties: each is done by one keeper at a time, and only as often as one keeper would do it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from waypost.store.statements import Session, execute, fetch_one, is_gone


@asynccontextmanager
async def duty(session: Session, number: int, *, every: timedelta) -> AsyncIterator[bool]:
    """Hold a duty for the duration of the block, and record at its end that it was done.

    Yields False if another keeper is doing it, or did it within ``every``. It counts as done only if the block raises
    nothing.
    """
    row = await fetch_one(session, "take_duty", number)
    if not (row and row["taken"]):
        yield False
        return
    try:
        row = await fetch_one(session, "is_duty_due", number, every)
        if row and row["due"]:
            yield True
            await execute(session, "note_duty", number)
        else:
            yield False
    finally:
        if not is_gone(session):
            await fetch_one(session, "end_duty", number)
