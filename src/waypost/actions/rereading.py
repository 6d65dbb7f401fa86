"""Reading an account's known scans again, after an upgrade whose tables of codes or words are better.

Nothing does so by itself: a new version rewrites no history. What changes is an event as any other change is.
"""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from waypost.actions.context import IntakeContext
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.readings import Rereader, reread_scan
from waypost.domain.trackings import Source, TrackingState, Update, apply
from waypost.intake.batch import Request
from waypost.store import trackings
from waypost.turns import Turn

PAGE: Final = 100


class Reread(msgspec.Struct):
    """What reading again comes to: how many parcels were looked at, and what of them changes.

    ``done`` is false for a count alone.
    """

    parcels: int = 0
    parcels_changed: int = 0
    checkpoints_changed: int = 0
    statuses_changed: int = 0
    done: bool = False

    def note(self, scans: Sequence[Checkpoint], before: TrackingState, after: TrackingState) -> None:
        """Count a parcel that changes."""
        self.parcels_changed += 1
        self.checkpoints_changed += len(scans)
        self.statuses_changed += before.substatus != after.substatus


async def reread(
    context: IntakeContext, account: UUID, readers: Mapping[str, Rereader], *, now: int, dry_run: bool
) -> Reread:
    """Read the scans of all parcels again, or only count what that would change.

    ``readers`` read a scan by a carrier's codes, by courier code; ``now`` is Unix milliseconds. Raises Overloaded and
    IntakeUnavailable; what was read again by then stays, so it may be done again.
    """
    found = Reread(done=not dry_run)
    wanted, turn = trackings.Filter(), Turn(account)
    while True:
        async with context.database.serving.acquire() as session:
            rows = await trackings.page(session, account, wanted, limit=PAGE)
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
                requests.append(Request(account, state.tracking_number, state.courier_code, update, tracking=row.id))
        if not dry_run:
            await context.intake.submit(requests)
        if len(rows) < PAGE:
            return found
        wanted = msgspec.structs.replace(wanted, before=rows[-1].id)


def _changed(state: TrackingState, reader: Rereader | None) -> tuple[Checkpoint, ...]:
    scans = [(scan, reread_scan(scan, reader)) for scan in state.checkpoints]
    return tuple([after for before, after in scans if after is not before])
