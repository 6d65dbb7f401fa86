"""Replaces the courier code of a parcel that another courier turned out to have, if its shop asked for that."""

from collections.abc import Callable, Sequence

import msgspec

from waypost.domain import trackings
from waypost.domain.carriers import CarrierSource
from waypost.domain.trackings import Update
from waypost.store import intake_rows, tracking_changes, watches
from waypost.store.database import Database
from waypost.store.statements import transaction
from waypost.store.tracking_changes import NumberTaken
from waypost.store.watches import LeasedWatch

Detect = Callable[[str], Sequence[str]]
"""Return the courier codes that a number looks like, the likeliest first."""


def courier_found(watch: LeasedWatch, update: Update, source: CarrierSource, detect: Detect) -> str | None:
    """Return the courier code that an answer proves, None unless it replaces the parcel's.

    The sources of its own courier did not know the number, this one of another courier does, and the shop asked for
    the correction.
    """
    state = watch.state
    if not (state.auto_correct and watch.tried and update.checkpoints) or state.courier_code in source.courier_codes:
        return None
    return next((code for code in detect(state.tracking_number) if code in source.courier_codes), None)


async def correct(database: Database, watch: LeasedWatch, courier_code: str) -> LeasedWatch:
    """Replace a parcel's courier code, and return it as it is then.

    It stays as it was if the shop has changed or deleted it since, or tracks the number with that courier, too.
    """
    try:
        async with database.engine.acquire() as session, transaction(session):
            locked = await tracking_changes.lock_tracking(session, watch.account, watch.tracking)
            if locked is None or locked.state.courier_code != watch.state.courier_code:
                return watch
            state = trackings.correct(locked.state, courier_code, await intake_rows.now(session))
            await tracking_changes.update_tracking(session, locked, state)
            await watches.correct_watch(session, watch.tracking, courier_code)
    except NumberTaken:
        return watch
    return msgspec.structs.replace(watch, state=state)
