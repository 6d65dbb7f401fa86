"""An endpoint: where an account's events go, which of them, and in which order."""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

import msgspec

from waypost.domain.statuses import Status


class Version(StrEnum):
    """The payload version of an endpoint."""

    V2 = "V2"
    V3 = "V3"
    V4 = "V4"


class Trigger(StrEnum):
    """When an event is worth a delivery."""

    EVERY_UPDATE = "every_update"
    STATUS_CHANGE = "status_change"


class Ordering(StrEnum):
    """The order among an endpoint's deliveries of one parcel."""

    ORDERED = "ordered"
    LATEST = "latest"
    UNORDERED = "unordered"


class DisabledReason(StrEnum):
    """Why an endpoint is disabled."""

    USER = "user"
    GONE = "gone"
    FAILING = "failing"


class Skip(StrEnum):
    """Why an event made no delivery for an endpoint."""

    OFF = "off"
    STATUS = "status"
    TRIGGER = "trigger"


class SubscribedEndpoint(msgspec.Struct, frozen=True):
    """An endpoint as intake matches events with it; ``statuses`` None means all."""

    id: UUID
    account: UUID
    statuses: frozenset[Status] | None
    trigger: Trigger
    ordering: Ordering
    enabled: bool


def skips(endpoint: SubscribedEndpoint, status: Status, *, status_changed: bool) -> Skip | None:
    """Return why an event makes no delivery for an endpoint; None if it makes one."""
    if not endpoint.enabled:
        return Skip.OFF
    return unwanted(endpoint.statuses, endpoint.trigger, status, status_changed=status_changed)


def unwanted(
    statuses: Collection[str] | None, trigger: Trigger, status: Status, *, status_changed: bool
) -> Skip | None:
    """Return why an endpoint with these choices does not want an event; None if it does."""
    if status is Status.PENDING or (statuses is not None and status not in statuses):
        return Skip.STATUS
    if trigger is Trigger.STATUS_CHANGE and not status_changed:
        return Skip.TRIGGER
    return None
