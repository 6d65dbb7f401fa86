"""When a connection polls its parcels next, each by its own schedule or by how long no push has arrived; pure."""

import msgspec

from waypost.domain import budget
from waypost.domain.polling import Watched, next_poll, next_when_silent
from waypost.domain.statuses import Status
from waypost.domain.trackings import TrackingState
from waypost.store.watches import LeasedWatch, Postponed

AT_THE_DOOR, NEVER_ASKED, THE_REST = range(3)
"""The lanes of a connection's parcels: out for delivery, never polled, the rest."""


class Schedule(msgspec.Struct, frozen=True):
    """The schedule of a connection. One that ``pushes`` is polled for the parcels whose pushes stop arriving.

    ``speed`` is the factor by which waits are shortened; no parcel is polled twice within ``least_seconds``.
    """

    pushes: bool
    speed: float
    least_seconds: float

    def wait(self, watch: LeasedWatch, state: TrackingState, unchanged: int, now: int) -> float | None:
        """Return the seconds until a parcel's next poll, None for never, after this many polls without news.

        ``state`` is its state now, and ``now`` is in Unix milliseconds.
        """
        watched = _watched(watch, state, unchanged, now)
        wait = next_when_silent(watched) if self.pushes else None
        # A poll that brings news shows that pushes were lost: then its service is polled as a carrier is.
        if not self.pushes or (wait is not None and not unchanged):
            wait = next_poll(watched, now, least_seconds=self.least_seconds)
        return None if wait is None else wait / self.speed

    def left_to_pushes(self, watch: LeasedWatch, now: int) -> Postponed | None:
        """Return until when a due parcel is left to pushes; None if they have stayed away for too long."""
        if not self.pushes or watch.wanted:
            return None
        state, heard_at = watch.state, watch.heard_at
        wait = next_when_silent(_watched(watch, state, 0, now))
        lane = rank(state.status, state.substatus)
        if wait is None:
            return Postponed(watch, None, lane)
        left = 0.0 if heard_at is None else wait / self.speed - (now / 1000 - heard_at.timestamp())
        return Postponed(watch, left, lane) if left > 0 else None


def rank(status: Status, substatus: str) -> int:
    """Return the lane of a parcel that was polled before."""
    return AT_THE_DOOR if budget.is_urgent(status, substatus) else THE_REST


def _watched(watch: LeasedWatch, state: TrackingState, unchanged: int, now: int) -> Watched:
    same = state.status is watch.state.status
    return Watched(
        status=state.status,
        substatus=state.substatus,
        unchanged_polls=unchanged,
        status_since=round(watch.status_since.timestamp() * 1000) if same else now,
        offset_minutes=state.checkpoints[-1].offset_minutes if state.checkpoints else None,
        seed=watch.tracking.bytes,
    )
