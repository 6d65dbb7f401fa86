"""What is done to every delivery that matches a filter: resend it, or cancel it. Counted first, then in slices.

counting ──► counted ──► running ──► done
                            ╰──────► stopped     by a person
"""

from enum import StrEnum
from typing import Final
from uuid import UUID

from waypost.domain.ids import bucket

BUCKET: Final = 1
"""The bucket in the ids of bulk actions. Recoveries have 0: a delivery names what queued it in one column."""


class BulkKind(StrEnum):
    """What is done to the deliveries."""

    RESEND = "resend"
    CANCEL = "cancel"


class BulkState(StrEnum):
    """The state of a bulk action."""

    COUNTING = "counting"
    COUNTED = "counted"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


def is_bulk_action(identifier: UUID) -> bool:
    """Return whether a delivery was queued by a bulk action, not by a recovery."""
    return bucket(identifier) == BUCKET
