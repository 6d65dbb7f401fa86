"""The dates of a journey that receivers ask for by name, derived from its checkpoints."""

from datetime import date
from typing import Final

import msgspec

from waypost.domain.checkpoints import Checkpoint
from waypost.domain.journeys import disproved
from waypost.domain.statuses import Status


class Milestones(msgspec.Struct, frozen=True):
    """When each step of the journey first happened: local time, None if it has not happened."""

    inforeceived_date: str | None = None
    pickup_date: str | None = None
    outfordelivery_date: str | None = None
    delivery_date: str | None = None
    returning_date: str | None = None
    returned_date: str | None = None
    dispatched_date: str | None = None
    departed_airport_date: str | None = None
    arrived_abroad_date: str | None = None
    customs_received_date: str | None = None


_BY_SUBSTATUS: Final = {
    "pickup001": "outfordelivery_date",
    "exception011": "returning_date",
    "exception010": "returned_date",
    "transit006": "dispatched_date",
    "transit007": "departed_airport_date",
    "transit004": "arrived_abroad_date",
    "transit005": "customs_received_date",
    "exception006": "customs_received_date",
}
_BY_STATUS: Final = {
    Status.INFORECEIVED: "inforeceived_date",
    Status.TRANSIT: "pickup_date",
    Status.DELIVERED: "delivery_date",
}


def milestones(scans: tuple[Checkpoint, ...]) -> Milestones:
    """Return the first time of each step; the carrier has picked the parcel up at its first scan in transit.

    A delivery that only a text reported and that later scans disproved is not a step.
    """
    found: dict[str, str] = {}
    wrong = disproved(scans)
    for scan in scans:
        if scan.checkpoint_delivery_status is None or scan in wrong:
            continue
        for name in (
            _BY_STATUS.get(scan.checkpoint_delivery_status),
            _BY_SUBSTATUS.get(scan.checkpoint_delivery_substatus or ""),
        ):
            if name is not None:
                found.setdefault(name, scan.checkpoint_date)
    return Milestones(**found)


def transit_days(reached: Milestones, scans: tuple[Checkpoint, ...]) -> int:
    """Return the days from pick-up to delivery, or to the newest scan; 0 until the parcel is picked up."""
    if reached.pickup_date is None:
        return 0
    until = reached.delivery_date or scans[-1].checkpoint_date
    return max(0, (date.fromisoformat(until[:10]) - date.fromisoformat(reached.pickup_date[:10])).days)
