"""Incidents: what somebody must know, from the moment it is found until it is over.

Each check repeatedly reports all current trouble of its kind. New trouble is opened, trouble that is no longer
reported is closed, and trouble that has reached a later stage is worth another message.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec


class Kind(StrEnum):
    """What is wrong; the subject says with what.

    endpoint_failing     an endpoint does not accept webhooks
    endpoint_disabled    Waypost has disabled an endpoint, or it answered 410
    connection_refused   a source rejects an account's credentials, or its answers can't be read
    budget_too_small     a connection has too few calls for its parcels
    parcels_stuck        nothing is polled for some parcels, and somebody could change that
    operator             something is wrong with the installation as a whole
    """

    ENDPOINT_FAILING = "endpoint_failing"
    ENDPOINT_DISABLED = "endpoint_disabled"
    CONNECTION_REFUSED = "connection_refused"
    BUDGET_TOO_SMALL = "budget_too_small"
    PARCELS_STUCK = "parcels_stuck"
    OPERATOR = "operator"


class State(StrEnum):
    """Whether an incident is going on."""

    OPEN = "open"
    CLOSED = "closed"


class Subject(StrEnum):
    """The subjects of the kind ``operator``."""

    DISK = "disk"
    PARTITIONS = "partitions"
    RECONCILER = "reconciler"
    STALL = "stall"
    DATABASE = "database"
    DISPATCH = "dispatch"
    BACKUP = "backup"


TITLES: Final[Mapping[str, str]] = {
    Kind.ENDPOINT_FAILING: "Endpoint failing",
    Kind.ENDPOINT_DISABLED: "Endpoint disabled",
    Kind.CONNECTION_REFUSED: "Credentials rejected or responses unreadable",
    Kind.BUDGET_TOO_SMALL: "Too few calls for the parcels",
    Kind.PARCELS_STUCK: "Parcels without a source",
    Kind.OPERATOR: "Installation",
}
"""What is wrong, by kind, as the title of a page or message."""

PLACES: Final[Mapping[str, str]] = {
    Kind.ENDPOINT_FAILING: "/developer/webhooks/{subject}",
    Kind.ENDPOINT_DISABLED: "/developer/webhooks/{subject}",
    Kind.CONNECTION_REFUSED: "/sources/{subject}",
    Kind.BUDGET_TOO_SMALL: "/sources/{subject}",
    Kind.PARCELS_STUCK: "/trackings?status=pending",
    Kind.OPERATOR: "/health/ready",
}
"""The path of the page on which an incident can be repaired, by kind."""

LONGEST_MESSAGE: Final = 3_000
ACCOUNT_KINDS: Final = tuple(kind for kind in Kind if kind is not Kind.OPERATOR)
"""The kinds that an account is notified of."""


class Trouble(msgspec.Struct, frozen=True):
    """Something that is wrong now; ``account`` None for the operator. ``message`` says what, and what to do."""

    account: UUID | None
    kind: Kind
    subject: str
    message: str
    stage: int = 0
    details: dict[str, Any] = {}

    @property
    def key(self) -> tuple[UUID | None, Kind, str]:
        """What makes two troubles the same incident."""
        return self.account, self.kind, self.subject


class Incident(msgspec.Struct, frozen=True):
    """A trouble that was found. ``change`` rises with each of the changes of an account's incidents."""

    id: UUID
    account: UUID | None
    kind: Kind
    subject: str
    stage: int
    message: str
    details: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None
    change: UUID

    @property
    def key(self) -> tuple[UUID | None, Kind, str]:
        """What makes it the same as a trouble."""
        return self.account, self.kind, self.subject

    @property
    def state(self) -> State:
        """Whether it is going on."""
        return State.OPEN if self.closed_at is None else State.CLOSED


class NewIncident(msgspec.Struct, frozen=True):
    """The change that opens an incident: its trouble is new. It began at a known time, or is opened now."""

    trouble: Trouble
    since: datetime | None = None


class Changed(msgspec.Struct, frozen=True):
    """An open incident is described differently now; ``reminds`` if that is worth a message."""

    incident: Incident
    trouble: Trouble
    reminds: bool


class Closed(msgspec.Struct, frozen=True):
    """An incident is over. ``message`` says how it ended."""

    incident: Incident
    message: str


Change = NewIncident | Changed | Closed


def changes(
    found: Iterable[Incident], troubles: Iterable[Trouble], ending: Callable[[Incident], str]
) -> Iterator[Change]:
    """Yield what must change so that the open incidents ``found`` are the present ``troubles``.

    ``ending`` words how an incident ended. Incidents are closed before others are opened: a failing endpoint becomes a
    disabled one in this order.
    """
    known, now = {one.key: one for one in found}, {one.key: one for one in troubles}
    for key, incident in known.items():
        if key not in now:
            yield Closed(incident, ending(incident))
    for key, trouble in now.items():
        one = known.get(key)
        if one is None:
            yield NewIncident(trouble)
        elif (one.stage, one.message, one.details) != (trouble.stage, trouble.message, trouble.details):
            yield Changed(one, trouble, reminds=trouble.stage > one.stage)
