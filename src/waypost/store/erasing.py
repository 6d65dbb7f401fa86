"""Erases the facts about persons from a parcel and its events, which are otherwise never rewritten."""

from typing import Final
from uuid import UUID

from waypost.domain import ids
from waypost.domain.trackings import without_persons
from waypost.store.statements import Session, execute, fetch, transaction
from waypost.store.states import pack, unpack
from waypost.store.tracking_changes import lock_tracking
from waypost.turns import Turn

A_TIME: Final = 20
_FIRST: Final = UUID(int=0)


async def replace_states(session: Session, account: UUID, tracking: UUID) -> bool:
    """Erase the facts about persons from a parcel and all its events, in one transaction; return whether it had any.

    Webhooks that wait, and the history, are made from the events: from now on without these facts.
    """
    turn = Turn(account)
    async with transaction(session):
        locked = await lock_tracking(session, account, tracking)
        if locked is None:
            return False
        after = without_persons(locked.state)
        if after is not locked.state:
            await execute(session, "replace_state", [locked.bucket], locked.id, pack(after))
        erased, last = after is not locked.state, _FIRST
        bucket = [ids.bucket(tracking)]
        while rows := await fetch(session, "states_of_events", bucket, tracking, account, last, A_TIME):
            changed = []
            for row in rows:
                await turn.pause()
                state = unpack(row["state"])
                if (stripped := without_persons(state)) is not state:
                    changed.append((row["id"], row["day"], pack(stripped)))
            if changed:
                columns = ([one[column] for one in changed] for column in range(3))
                await execute(session, "replace_states", bucket, *columns)
                erased = True
            last = rows[-1]["id"]
    return erased
