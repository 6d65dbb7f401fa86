"""Which deliveries somebody looks for in the webhook history. Pure: the pages read it, long changes carry it."""

from enum import StrEnum
from uuid import UUID

import msgspec

from waypost.domain.attempts import Outcome
from waypost.domain.deliveries import Settled, Waiting
from waypost.domain.ids import FIRST, LAST


class Answered(StrEnum):
    """The results of a delivery's last attempt that are not one ``Outcome``."""

    NONE = "none"
    ERROR = "error"


class HistoryFilter(msgspec.Struct, frozen=True):
    """A filter of deliveries: ids in [``after``, ``before``), and None for any of the others.

    ``answered`` is the result of the last attempt: an ``Outcome``, any error, or none yet. ``trackings`` and ``event``
    are what a search has found.
    """

    after: UUID = FIRST
    before: UUID = LAST
    endpoint: UUID | None = None
    status: str | None = None
    state: str | None = None
    answered: str | None = None
    tests: bool | None = None
    trackings: tuple[UUID, ...] | None = None
    event: UUID | None = None

    @property
    def examines(self) -> bool:
        """Whether deliveries must be looked at one by one: no index has their state, status or last attempt."""
        return (self.state, self.status, self.answered, self.event) != (None, None, None, None)

    @property
    def needs_attempts(self) -> bool:
        """Whether the last attempt of each delivery must be known."""
        return self.answered not in (None, Answered.NONE, Outcome.SUCCEEDED)

    @property
    def waits(self) -> bool:
        """Whether deliveries that are not settled can match."""
        return (self.state is None or self.state in list(Waiting)) and self.answered != Outcome.SUCCEEDED

    @property
    def was_tried(self) -> bool:
        """Whether only deliveries with a failed attempt can match, of those that are not settled."""
        return self.state == Waiting.RETRYING or self.needs_attempts

    @property
    def ended(self) -> bool:
        """Whether settled deliveries can match."""
        return self.state is None or self.state in list(Settled)

    @property
    def missed(self) -> bool:
        """Whether only deliveries can match that did not succeed, of those that are settled."""
        return self.needs_attempts or self.answered == Answered.NONE or self.state not in (None, Settled.DELIVERED)


class Seen(msgspec.Struct, frozen=True):
    """What is known of a delivery when it is compared with a filter. ``outcome`` is that of its last attempt."""

    state: str
    status: str | None
    event: UUID
    tries: int
    outcome: str | None


def fits(wanted: HistoryFilter, seen: Seen) -> bool:
    """Return whether a delivery in the period of a filter, and of its parcels and endpoint, matches the rest."""
    return (
        wanted.state in (None, seen.state)
        and wanted.status in (None, seen.status)
        and wanted.event in (None, seen.event)
        and _answered(wanted.answered, seen)
    )


def _answered(wanted: str | None, seen: Seen) -> bool:
    match wanted:
        case None:
            return True
        case Answered.NONE:
            return seen.tries == 0
        case Answered.ERROR:
            return seen.outcome not in (None, Outcome.SUCCEEDED)
        case Outcome.SUCCEEDED:
            return seen.state == Settled.DELIVERED
        case _:
            return seen.outcome == wanted
