"""The nine main statuses of a tracking, their substatuses, and what an endpoint may choose.

The values are TrackingMore's (API v4); the labels are those of its portal.
"""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """A tracking's main status."""

    PENDING = "pending"
    NOTFOUND = "notfound"
    INFORECEIVED = "inforeceived"
    TRANSIT = "transit"
    PICKUP = "pickup"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    EXPIRED = "expired"

    @property
    def label(self) -> str:
        """The status in the words of the portal, such as ``Out for Delivery``."""
        return _LABELS[self]


_LABELS: Final = {
    Status.PENDING: "Pending",
    Status.NOTFOUND: "Not Found",
    Status.INFORECEIVED: "Info Received",
    Status.TRANSIT: "In Transit",
    Status.PICKUP: "Out for Delivery",
    Status.UNDELIVERED: "Failed Attempt",
    Status.DELIVERED: "Delivered",
    Status.EXCEPTION: "Exception",
    Status.EXPIRED: "Expired",
}

SELECTABLE: Final = (
    Status.INFORECEIVED,
    Status.TRANSIT,
    Status.PICKUP,
    Status.UNDELIVERED,
    Status.DELIVERED,
    Status.EXCEPTION,
    Status.EXPIRED,
    Status.NOTFOUND,
)
"""The statuses an endpoint may choose, in the portal's order: all but ``pending``."""

SUBSTATUSES: Final[dict[str, str]] = {
    "pending001": "No information yet",
    "pending002": "No information, and the number's format may not fit the carrier",
    "pending003": "The carrier says that the number is not its own",
    "pending004": "The order is processed or packed, but not scanned yet",
    "pending005": "No information for a long time",
    "notfound001": "Waiting for the carrier to pick the parcel up",
    "notfound002": "The carrier does not know the number",
    "inforeceived001": "Waiting for the carrier to pick the parcel up",
    "transit001": "On the way",
    "transit002": "Arrived at a hub or sorting centre",
    "transit003": "Arrived at the delivery facility",
    "transit004": "Arrived in the destination country",
    "transit005": "Customs clearance completed",
    "transit006": "Dispatched",
    "transit007": "Departed from the airport",
    "pickup001": "Out for delivery",
    "pickup002": "Ready for collection",
    "pickup003": "The addressee was contacted before delivery",
    "delivered001": "Delivered",
    "delivered002": "Collected by the addressee",
    "delivered003": "Received and signed for by the addressee",
    "delivered004": "Left at the door, with a neighbour, in a locker or with a guard",
    "undelivered001": "The address has a problem",
    "undelivered002": "The receiver was not at home",
    "undelivered003": "The addressee could not be found or reached",
    "undelivered004": "The attempt failed for another reason",
    "exception001": "No information for too long",
    "exception002": "In transit for too long",
    "exception003": "Added long ago and not delivered",
    "exception004": "Unclaimed",
    "exception005": "Another exception",
    "exception006": "Held by customs",
    "exception007": "Lost, damaged or discarded",
    "exception008": "Cancelled before it was picked up",
    "exception009": "Refused by the addressee",
    "exception010": "Returned to the sender",
    "exception011": "On its way back to the sender",
    "expired001": "No news for 30 days",
}
"""Every substatus and its meaning."""

AFTER_DELIVERED: Final = frozenset({"exception010", "exception011"})
"""The only substatuses that change a tracking that was delivered: a return."""

_STATUS_OF: Final = {substatus: Status(substatus[:-3]) for substatus in SUBSTATUSES}
_DEFAULTS: Final = {status: f"{status.value}001" for status in Status} | {
    Status.NOTFOUND: "notfound002",
    Status.UNDELIVERED: "undelivered004",
    Status.EXCEPTION: "exception005",
}
_RANK: Final = {status: rank for rank, status in enumerate(Status)}


def status_of(substatus: str) -> Status:
    """Return the main status that a substatus belongs to. Raise ValueError for an unknown one."""
    status = _STATUS_OF.get(substatus)
    if status is None:
        message = f"{substatus!r} is not a substatus"
        raise ValueError(message)
    return status


def default_substatus(status: Status) -> str:
    """Return the substatus of a status whose source gives the main status only."""
    return _DEFAULTS[status]


def progress(status: Status | None) -> int:
    """Return how far along the journey a status is; -1 for none. Breaks ties between scans of the same second."""
    return -1 if status is None else _RANK[status]
