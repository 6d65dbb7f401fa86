"""What callers submit to intake, and what it answers."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import msgspec

from waypost.domain import ids
from waypost.domain.checkpoints import Checkpoint
from waypost.domain.trackings import TrackingState, Update
from waypost.store.intake_rows import TrackingKey
from waypost.store.statements import Session


class Request(msgspec.Struct, frozen=True, gc=False):
    """An update of one tracking. ``create`` registers the tracking, with the facts ``given``, if it is new.

    ``auto_correct`` lets a new tracking's courier code be replaced later.

    ``update`` None only registers. The number is already normalised and the courier code checked. ``tracking`` is set
    by callers that mean that parcel and no later one with the same number; ``source`` is the way in of a new one.
    ``wants_state`` includes the state after the update in the result.
    """

    account: UUID
    tracking_number: str
    courier_code: str
    update: Update | None = None
    create: bool = False
    given: dict[str, str] = {}
    auto_correct: bool = False
    tracking: UUID | None = None
    source: str = "API"
    wants_state: bool = False
    adapter: str = ""
    """The name of the carrier adapter that the update came from; empty for the API."""

    @property
    def key(self) -> TrackingKey:
        """The key that finds a tracking."""
        return (
            ids.bucket_of(self.account, self.tracking_number),
            self.account,
            self.tracking_number,
            self.courier_code,
        )

    @property
    def weight(self) -> int:
        """How much work and memory the request takes: one, plus one for each scan."""
        return 1 + (0 if self.update is None else len(self.update.checkpoints))


class Result(msgspec.Struct, frozen=True, gc=False):
    """What intake answers to a ``Request``: no ``tracking`` if it is unknown; ``event`` is the newest one that it made.

    ``state`` is set if the request registered or restarted the tracking or asked for its state; other states are not
    kept in memory.
    """

    tracking: UUID | None = None
    event: UUID | None = None
    created: bool = False
    changed: bool = False
    state: TrackingState | None = None
    unread: tuple[Checkpoint, ...] = ()
    """The update's new scans that could not be read."""
    scans: int = 0
    """The scans that the tracking has after the update: how much work it was."""
    deliveries: int = 0
    """The deliveries of its event: how much of the work was writing them."""


class Batch(msgspec.Struct, frozen=True):
    """The requests that are written in one transaction, and their results by the same indexes.

    ``places`` are the indexes of the requests for each tracking, in their order; ``polled`` the courier codes of
    parcels that are polled as soon as they are registered.
    """

    session: Session
    requests: Sequence[Request]
    places: Mapping[TrackingKey, Sequence[int]]
    polled: Collection[str]
    results: list[Result]

    def first(self, key: TrackingKey) -> Request | None:
        """Return the first request that registers a tracking if it is new; None if none does."""
        return next((self.requests[place] for place in self.places[key] if self.requests[place].create), None)
