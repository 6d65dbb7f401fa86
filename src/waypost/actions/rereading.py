"""Read an account's stored scans again, after an upgrade with better tables of codes or words.

This never happens automatically: a new version does not rewrite history. Changes become events like any other.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from waypost.actions.actor import Actor, note
from waypost.actions.context import IntakeContext
from waypost.actions.submitting import submit
from waypost.domain.audit import Action
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Rereader, reread_scan
from waypost.domain.trackings import Source, TrackingState, Update, apply
from waypost.intake.requests import Request
from waypost.store import trackings
from waypost.store.statements import transaction
from waypost.turns import Turn

PAGE: Final = 100


class Reread(msgspec.Struct):
    """The result: how many parcels were read, and what has changed.

    ``done`` is false for a dry run.
    """

    parcels: int = 0
    parcels_changed: int = 0
    checkpoints_changed: int = 0
    statuses_changed: int = 0
    done: bool = False

    def note(self, scans: Sequence[Checkpoint], before: TrackingState, after: TrackingState) -> None:
        """Count a changed parcel."""
        self.parcels_changed += 1
        self.checkpoints_changed += len(scans)
        self.statuses_changed += before.substatus != after.substatus


async def reread(context: IntakeContext, actor: Actor, readers: Mapping[str, Rereader], *, dry_run: bool) -> Reread:
    """Read the scans of all parcels again, or only count what would change.

    ``readers`` interpret a carrier's codes, by courier code. Raise Busy and Unavailable. Changes made before that are
    kept, so the run can be repeated. A run that may change something is in the audit log before its first change.
    """
    if not dry_run:
        async with context.database.serving.acquire() as session, transaction(session):
            await note(session, actor, Action.TRACKINGS_REREAD, "all parcels")
    found = Reread(done=not dry_run)
    wanted, turn = trackings.Filter(), Turn(actor.account)
    now = time.time_ns() // 1_000_000
    while True:
        async with context.database.serving.acquire() as session:
            rows = await trackings.page(session, actor.account, wanted, limit=PAGE)
        requests = []
        for row in rows:
            await turn.pause()
            state = row.state
            scans = _changed(state, readers.get(state.courier_code))
            update = Update(Source.API, scans, rereads=True)
            applied = apply(state, update, now)
            found.parcels += 1
            if applied.changed:
                found.note(scans, state, applied.state)
            if applied.changed or scans:
                requests.append(
                    Request(actor.account, state.tracking_number, state.courier_code, update, tracking=row.id)
                )
        if not dry_run:
            await submit(context.intake, requests)
        if len(rows) < PAGE:
            return found
        wanted = msgspec.structs.replace(wanted, before=rows[-1].id)


def _changed(state: TrackingState, reader: Rereader | None) -> tuple[Checkpoint, ...]:
    scans = [(scan, reread_scan(scan, reader)) for scan in state.checkpoints]
    return tuple([after for before, after in scans if after is not before])
